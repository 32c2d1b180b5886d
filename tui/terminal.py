"""The terminal as the UI needs it: keys although stdin is a pipe, a screen that native libraries cannot write on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

_TERMINAL = "/dev/tty"
_IS_WINDOWS = sys.platform == "win32"


def has_terminal() -> bool:
    """Whether there is a terminal for the UI, even where stdin or stderr goes elsewhere."""
    if all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__)):
        return True
    if _IS_WINDOWS:
        return False
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def ui_terminal() -> Iterator[TextIO]:
    """Give Textual the terminal alone, and yield it for writing.

    Textual reads keys from `sys.__stdin__` and draws on `sys.__stderr__`. `sys.stdin` stays the pipe where it is one,
    so that sound can come from there. Audio libraries print to file descriptor 2 (ALSA), and sounddevice points it
    elsewhere while it looks for devices: the UI draws on a descriptor of its own, and what they print is dropped.
    """
    if _IS_WINDOWS:
        assert sys.__stderr__ is not None
        yield sys.__stderr__
        return
    with ExitStack() as undo:
        streams = sys.__stdin__, sys.__stderr__
        undo.callback(_restore_streams, *streams)
        if sys.__stdin__ is None or not sys.__stdin__.isatty():
            sys.__stdin__ = undo.enter_context(open(_TERMINAL, encoding="utf-8"))  # type: ignore[misc] # noqa: PTH123
        descriptor = os.dup(2) if os.isatty(2) else os.open(_TERMINAL, os.O_WRONLY | os.O_NOCTTY)
        screen = undo.enter_context(open(descriptor, "w", encoding="utf-8"))  # noqa: PTH123
        sys.__stderr__ = screen  # type: ignore[misc]
        if os.isatty(2):
            undo.callback(_point_stderr_at, os.dup(2))
            _point_stderr_at(os.open(os.devnull, os.O_WRONLY))
        yield screen


def _point_stderr_at(descriptor: int) -> None:
    """Make file descriptor 2 what `descriptor` is, and close that."""
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _restore_streams(stdin: TextIO | None, stderr: TextIO | None) -> None:
    sys.__stdin__, sys.__stderr__ = stdin, stderr  # type: ignore[assignment,misc]
