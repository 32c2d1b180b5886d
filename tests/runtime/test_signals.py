"""The first signal ends work as its end would; Ctrl-C after it interrupts that."""

from __future__ import annotations

import os
import signal

import pytest

from speech3n.runtime.signals import TERMINATION, ended_by_signal, interrupt_on_termination

SIGNALS = [signal.SIGINT, *TERMINATION]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_ends_and_only_ctrl_c_interrupts_that(number: int) -> None:
    ended: list[int] = []
    with pytest.raises(KeyboardInterrupt), ended_by_signal(lambda: ended.append(number)):
        os.kill(os.getpid(), number)
        assert ended == [number]
        for other in TERMINATION:
            os.kill(os.getpid(), other)
        os.kill(os.getpid(), signal.SIGINT)
    assert ended == [number]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with ended_by_signal(lambda: None):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_program_that_is_told_to_outlive_its_terminal_does() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt_on_termination()
        with ended_by_signal(lambda: None):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
