"""The simulated clock says what a session in real time says: both on one fake clock, so that nothing waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from types import SimpleNamespace
from typing import TypeAlias

import numpy as np
import pytest

from speech3n.engines.base import StreamOptions
from speech3n.eval.measures.latency_report import latency_report
from speech3n.session import feed as feed_module
from speech3n.session.backlog import Backlog
from speech3n.session.feed import Pace, open_feed
from speech3n.session.options import SessionOptions
from speech3n.session.session import Session
from speech3n.types import SAMPLE_RATE, Event, Hypothesis, Segment, Update, Waveform
from tests.conftest import silence
from tests.fakes import FakeEngine, FakeSource, FakeStream

Cost: TypeAlias = Callable[[float, bool], float]


class FakeClock:
    """Time that moves on only when the engine computes or the session waits for audio.

    The capture thread of a session in real time sleeps until a time (`sleep`); the session's thread, whenever it moves
    the clock, lets that thread do what it would have done meanwhile, one frame after the other.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._capture_wakes: float | None = None
        self._capturing = False
        self._changed = threading.Condition()

    def begin_capture(self) -> None:
        self._capturing = True

    def end_capture(self) -> None:
        with self._changed:
            self._capturing = False
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Called by the capture thread."""
        with self._changed:
            self._capture_wakes = self.now + seconds
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._capture_wakes is None)

    def advance(self, seconds: float) -> None:
        """Compute for so long."""
        target = self.now + seconds
        with self._changed:
            while (wakes := self._next_wake()) is not None and wakes <= target:
                self._wake(wakes)
            self.now = max(self.now, target)

    def wait_for_audio(self) -> None:
        """Wait until the capture thread has done its next step."""
        with self._changed:
            if (wakes := self._next_wake()) is not None:
                self._wake(wakes)
                self._next_wake()

    def _next_wake(self) -> float | None:
        """When the capture thread wakes, once it sleeps again; None once it has ended."""
        self._changed.wait_for(lambda: self._capture_wakes is not None or not self._capturing)
        return self._capture_wakes

    def _wake(self, at: float) -> None:
        self.now = max(self.now, at)
        self._capture_wakes = None
        self._changed.notify_all()


def run(pcm: Waveform, pace: Pace, cost: Cost, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events of a session with an engine that takes `cost(audio_s, is_final)` seconds for a hypothesis."""
    clock = FakeClock()

    class ClockEvent(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout is None or self.is_set():
                return super().wait(timeout)
            clock.sleep(timeout)
            return self.is_set()

    class ClockBacklog(Backlog):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            clock.begin_capture()

        def read(self, timeout_s: float) -> tuple[int, Waveform] | None:
            clock.advance(0.0)
            if self.lag == 0:
                clock.wait_for_audio()
            return super().read(0.0)

        def close(self) -> None:
            super().close()
            clock.end_capture()

    class TimedStream(FakeStream):
        def decode(self) -> Hypothesis | None:
            clock.advance(cost(len(self._pcm) / SAMPLE_RATE, self._finished))
            return super().decode()

    class TimedEngine(FakeEngine):
        def open_stream(self, options: StreamOptions) -> FakeStream:
            return TimedStream(self, options)

    with monkeypatch.context() as patch:
        patch.setattr(feed_module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
        patch.setattr(feed_module, "threading", SimpleNamespace(Event=ClockEvent, Thread=threading.Thread))
        patch.setattr(feed_module, "Backlog", ClockBacklog)
        return list(
            Session(TimedEngine(), SessionOptions("en", translate=True)).run(open_feed(FakeSource(pcm), pace=pace))
        )


COSTS: dict[str, Cost] = {
    "free": lambda audio_s, is_final: 0.0,
    "quick": lambda audio_s, is_final: 0.03 + 0.02 * audio_s,
    "slow": lambda audio_s, is_final: 0.2 + 0.15 * audio_s,
    "too slow": lambda audio_s, is_final: 1.0 + 0.5 * audio_s,
    "stalling": lambda audio_s, is_final: 4.0 if is_final else 0.05,
}


@pytest.mark.parametrize("speed", COSTS)
def test_the_simulated_clock_agrees_with_real_time(
    speed: str, english: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm = np.concatenate([english, silence(1.5), english])
    simulated, realtime = (run(pcm, pace, COSTS[speed], monkeypatch) for pace in ("simulated", "realtime"))
    assert segments(simulated) == segments(realtime) != []
    reports = [asdict(latency_report(events, paced=True)) for events in (simulated, realtime)]
    assert_close(*reports)
    assert all(update.elapsed_s >= update.audio_s for update in simulated if isinstance(update, Update))
    if speed != "free":
        assert reports[0]["rtf"] > 0.05
        median = {clock: values["median"] for clock, values in reports[0]["source"]["committed"].items()}
        assert median["aware"] > median["unaware"] + COSTS[speed](0.5, False)


def segments(events: list[Event]) -> list[Segment]:
    return [event for event in events if isinstance(event, Segment)]


def assert_close(simulated: object, realtime: object) -> None:
    """The same numbers in the same places, but for the rounding of sums of floats."""
    if isinstance(simulated, dict):
        assert isinstance(realtime, dict)
        for key, value in simulated.items():
            assert_close(value, realtime[key])
    elif isinstance(simulated, float):
        assert simulated == pytest.approx(realtime, abs=1e-6)
    else:
        assert simulated == realtime
