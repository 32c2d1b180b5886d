"""An elastic model in a session: smaller while text is late, larger while there is time, told in the journal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech3n.audio.endpoint import EndpointConfig
from speech3n.engines.base import ElasticStream, StreamOptions
from speech3n.journal.events import event_record
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.session.feed import PulledFeed, open_feed
from speech3n.session.options import SessionOptions, file_options
from speech3n.session.session import Session
from speech3n.session.sizing import SizingLimits
from speech3n.types import Event, ModelSize, Segment, Update, Waveform
from tests.conftest import silence
from tests.fakes import FakeEngine, FakeSource, FakeStream

CAPTIONS = SessionOptions(language="es")
SIZES = ("e2b", "e4b")


class ElasticEngine(FakeEngine):
    """Takes as long for a decode as `costs` says of the size, and knows at which size each decode was."""

    def __init__(self, costs: dict[str, float]) -> None:
        super().__init__()
        self.info = replace(self.info, sizes=SIZES)
        self.costs = costs
        self.spend: Callable[[float], None] = lambda seconds: None
        self.decoded: list[str] = []

    def open_stream(self, options: StreamOptions) -> FakeElasticStream:
        self.opened.append(options)
        return FakeElasticStream(self, options)


class FakeElasticStream(FakeStream):
    def __init__(self, engine: ElasticEngine, options: StreamOptions) -> None:
        super().__init__(engine, options)
        assert options.size is not None
        self.size = options.size
        engine.on_decode = lambda _: None
        self._elastic = engine
        self._decode = super().decode

    def use_size(self, size: str) -> None:
        self.size = size

    def decode(self):  # type: ignore[no-untyped-def]
        self._elastic.decoded.append(self.size)
        self._elastic.spend(self._elastic.costs[self.size])
        return self._decode()


def run(
    pcm: Waveform, engine: ElasticEngine, options: SessionOptions = CAPTIONS, journal: Journal | None = None
) -> list[Event]:
    """By a clock that moves on by what decoding is said to cost."""
    feed = PulledFeed(FakeSource(pcm), is_paced=True)

    def spend(seconds: float) -> None:
        feed._skipped_s += seconds

    engine.spend = spend
    return list(Session(engine, options, journal).run(feed))


def sizes(events: list[Event]) -> list[str]:
    return [event.size for event in events if isinstance(event, ModelSize)]


@pytest.fixture
def long_speech(english: Waveform) -> Waveform:
    """Speech and pauses, a minute and a half of it."""
    return np.concatenate([part for _ in range(7) for part in (english, silence(1.5))])


def test_it_begins_with_the_largest_and_stays_while_it_keeps_up(long_speech: Waveform) -> None:
    engine = ElasticEngine({"e4b": 0.3, "e2b": 0.1})
    events = run(long_speech, engine)
    assert isinstance(events[0], ModelSize)
    assert sizes(events) == ["e4b"]
    assert set(engine.decoded) == {"e4b"}


def test_it_goes_down_where_text_is_late_and_does_not_come_back_where_that_would_be_late(
    long_speech: Waveform,
) -> None:
    engine = ElasticEngine({"e4b": 2.0, "e2b": 0.9})
    events = run(long_speech, engine)
    assert sizes(events) == ["e4b", "e2b"]
    (_, down) = [event for event in events if isinstance(event, ModelSize)]
    assert down.lag_s > SizingLimits().slow_lag_s
    assert 0 < down.audio_s < 15
    assert down.elapsed_s > down.audio_s
    changed = engine.decoded.index("e2b")
    assert changed >= 2
    assert set(engine.decoded[changed:]) == {"e2b"}
    # New utterances begin at the size that the last one ended at.
    assert (engine.opened[0].size, engine.opened[-1].size) == ("e4b", "e2b")
    # Text came more often afterwards.
    updates = [event.audio_s for event in events if isinstance(event, Update)]
    before = [after - first for first, after in itertools.pairwise(updates) if after <= down.audio_s]
    assert not before or max(before) > 1.5


def test_it_comes_back_when_there_is_time_again(long_speech: Waveform) -> None:
    engine = ElasticEngine({"e4b": 2.0, "e2b": 0.1})
    events = run(long_speech, engine)
    found = sizes(events)
    assert found[:3] == ["e4b", "e2b", "e4b"]
    times = [event.elapsed_s for event in events if isinstance(event, ModelSize)]
    assert times[2] - times[1] >= SizingLimits().up_after_s
    assert all(after - before >= SizingLimits().hold_s for before, after in itertools.pairwise(times[1:]))


def test_what_is_recognised_is_the_same_speech_whatever_the_size(long_speech: Waveform) -> None:
    def recognised(costs: dict[str, float]) -> list[tuple[int, float]]:
        events = run(long_speech, ElasticEngine(costs))
        return [(segment.id, segment.start) for segment in events if isinstance(segment, Segment)]

    assert recognised({"e4b": 2.0, "e2b": 0.1}) == recognised({"e4b": 0.0, "e2b": 0.0})


def test_what_follows_a_cut_goes_on_at_the_newest_size(english: Waveform) -> None:
    speech = np.concatenate([english] * 6)
    endpoint = EndpointConfig(pause_s=5.0, shortest_pause_s=5.0, max_utterance_s=12.0)
    engine = ElasticEngine({"e4b": 2.0, "e2b": 0.9})
    events = run(speech, engine, replace(CAPTIONS, endpoint=endpoint))
    assert sizes(events) == ["e4b", "e2b"]
    assert len([event for event in events if isinstance(event, Segment)]) > 2
    assert set(engine.decoded[engine.decoded.index("e2b") :]) == {"e2b"}


@pytest.mark.parametrize("options", [CAPTIONS, file_options("es")], ids=["captions", "file"])
def test_where_nobody_waits_the_largest_size_stays(english: Waveform, options: SessionOptions) -> None:
    engine = ElasticEngine({"e4b": 0.0, "e2b": 0.0})
    events = list(Session(engine, options).run(open_feed(FakeSource(english))))
    assert sizes(events) == ["e4b"]
    assert set(engine.decoded) == {"e4b"}


def test_an_engine_without_sizes_is_never_told_one(english: Waveform) -> None:
    engine = FakeEngine()
    events = list(Session(engine, CAPTIONS).run(PulledFeed(FakeSource(english), is_paced=True)))
    assert not sizes(events)
    assert {options.size for options in engine.opened} == {None}
    assert not isinstance(engine.open_stream(StreamOptions()), ElasticStream)


def test_the_journal_tells_each_size(long_speech: Waveform, tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", SessionHeader("fake", "fake"))
    events = run(long_speech, ElasticEngine({"e4b": 2.0, "e2b": 0.9}), journal=journal)
    journal.close()
    records = [json.loads(line) for line in (tmp_path / "s" / "events.jsonl").read_text().splitlines()]
    written = [{key: record[key] for key in record if key != "crc"} for record in records if record["type"] == "size"]
    assert written == [event_record(event) for event in events if isinstance(event, ModelSize)]
    assert [record["size"] for record in written] == ["e4b", "e2b"]
    assert set(written[1]) == {"type", "size", "lag_s", "audio_s", "elapsed_s"}
