"""Threads: as many as there are cores that nobody else uses, counted while the model runs."""

from __future__ import annotations

import pytest
import torch

from speech3n.runtime import adaptive_threads, threads
from speech3n.runtime.adaptive_threads import AdaptiveThreads, adapt_threads, set_threads
from speech3n.runtime.threads import limit_blas_threads


class Machine:
    """Cores and clocks that go as they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.now = self.busy = self.own = 0.0
        monkeypatch.setattr(adaptive_threads.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(adaptive_threads.time, "process_time", lambda: self.own)
        monkeypatch.setattr(adaptive_threads, "_busy_s", lambda: self.busy)
        monkeypatch.setattr(adaptive_threads.os, "cpu_count", lambda: count)

    def pass_time(self, seconds: float, own: float, others: float) -> None:
        """So many cores are used by this process, and by others."""
        self.now += seconds
        self.own += seconds * own
        self.busy += seconds * (own + others)


def test_a_core_that_another_program_uses_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 2)
    adaptive = AdaptiveThreads(2)
    seen = []
    for own, others in ((2.0, 0.0), (1.6, 0.2), (1.0, 1.0), (1.0, 1.0), (0.4, 1.6), (1.0, 0.1)):
        machine.pass_time(0.5, own, others)
        adaptive.update()
        seen.append(adaptive.threads)
    assert seen == [2, 2, 1, 1, 1, 2]


def test_it_is_updated_now_and_then_and_never_takes_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 16)
    adaptive = AdaptiveThreads(8)
    machine.pass_time(0.1, 8.0, 16.0)
    assert not adaptive.update()
    machine.pass_time(0.5, 8.0, 3.0)
    assert not adaptive.update()
    assert adaptive.threads == 8
    machine.pass_time(1.0, 4.0, 12.0)
    assert adaptive.update()
    assert adaptive.threads == 4


def test_what_others_did_long_ago_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 2)
    adaptive = AdaptiveThreads(2)
    machine.pass_time(30.0, 0.0, 2.0)
    assert not adaptive.update()
    assert adaptive.threads == 2
    machine.pass_time(0.5, 1.0, 1.0)
    assert adaptive.update()
    assert adaptive.threads == 1


def test_torch_computes_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    machine = Machine(monkeypatch, 2)
    try:
        set_threads(2, adaptive=True)
        machine.pass_time(1.0, 1.0, 1.0)
        adapt_threads()
        assert torch.get_num_threads() == 1
        set_threads(2, adaptive=False)
        machine.pass_time(1.0, 1.0, 1.0)
        adapt_threads()
        assert torch.get_num_threads() == 2
    finally:
        monkeypatch.undo()
        set_threads(before, adaptive=False)


def test_the_seconds_that_cores_compute_go_on() -> None:
    first = adaptive_threads._busy_s()
    sum(range(3_000_000))
    assert adaptive_threads._busy_s() >= first > 0


def test_how_threads_wait_is_left_to_whoever_has_said_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, str] = {}
    monkeypatch.setattr(threads.os, "environ", said)
    limit_blas_threads()
    assert int(said.pop("GOMP_SPINCOUNT")) > 0
    said["OMP_WAIT_POLICY"] = "ACTIVE"
    limit_blas_threads()
    assert "GOMP_SPINCOUNT" not in said
