"""What ends a program from outside: Ctrl-C, `kill`, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATION = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""`kill`, and a terminal or a connection that is gone."""


def interrupt_on_termination() -> None:
    """Have SIGTERM and SIGHUP do what Ctrl-C does, raise KeyboardInterrupt; only for programs, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in TERMINATION:
        # A program that was told to outlive its terminal (nohup) does.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def ended_by_signal(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` at the first Ctrl-C, SIGTERM or SIGHUP; Ctrl-C after that raises KeyboardInterrupt.

    A terminal that is closed sends one signal soon after another: those that nobody typed change nothing the second
    time. `end` may be called at any time, in the middle of a line that is written.
    """
    numbers = [number for number in (signal.SIGINT, *TERMINATION) if signal.getsignal(number) is not signal.SIG_IGN]

    def first(number: int, frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.default_int_handler if other == signal.SIGINT else signal.SIG_IGN)
        end()

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
