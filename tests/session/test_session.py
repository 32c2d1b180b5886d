"""The road from sound to captions, with real speech and an engine that needs no weights."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.audio.endpoint import EndpointConfig
from speech3n.decoding.policy import Decision
from speech3n.engines.base import StreamOptions
from speech3n.errors import AudioError, EngineError
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.journal.saved import SavedSession
from speech3n.session.feed import Block, PulledFeed, open_feed
from speech3n.session.options import SessionOptions, file_options
from speech3n.session.session import Session
from speech3n.types import SAMPLE_RATE, End, Event, Gap, Hypothesis, Notice, Segment, Status, Update, Waveform
from tests.conftest import full_disk, silence
from tests.fakes import FakeEngine, FakeSource, FakeStream

CAPTIONS = SessionOptions(language="es")


def run(pcm: Waveform, options: SessionOptions = CAPTIONS, engine: FakeEngine | None = None) -> list[Event]:
    return list(Session(engine or FakeEngine(), options).run(open_feed(FakeSource(pcm))))


def segments(events: list[Event]) -> list[Segment]:
    return [event for event in events if isinstance(event, Segment)]


def updates(events: list[Event]) -> list[Update]:
    return [event for event in events if isinstance(event, Update)]


def test_captions_grow_while_people_speak_and_end_at_pauses(english: Waveform) -> None:
    events = run(np.concatenate([english, silence(1.5), english]))
    found = segments(events)
    assert len(found) >= 2
    assert [segment.id for segment in found] == list(range(len(found)))
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    first = [update for update in updates(events) if update.segment == 0]
    assert len(first) > 3
    assert first[0].tentative
    assert isinstance(events[-1], End)
    assert events[-1].audio_s == pytest.approx(2 * len(english) / SAMPLE_RATE + 1.5, abs=1e-3)


def test_committed_text_never_changes(english: Waveform) -> None:
    shown: dict[int, tuple[str, ...]] = {}
    for update in updates(run(english)):
        texts = tuple(word.text for word in update.committed)
        before = shown.get(update.segment, ())
        assert texts[: len(before)] == before
        shown[update.segment] = texts
    assert shown


def test_a_segment_is_what_its_last_update_committed(english: Waveform) -> None:
    events = run(english, replace(CAPTIONS, translate=True))
    for segment in segments(events):
        last = [update for update in updates(events) if update.segment == segment.id][-1]
        assert segment.words == last.committed
        assert segment.translation == " ".join(last.translation_committed)
        assert not last.tentative


def test_times_count_from_the_start_of_the_stream(english: Waveform) -> None:
    shift = 3.2
    plain = segments(run(english))
    moved = segments(run(np.concatenate([silence(shift), english])))
    assert len(plain) == len(moved)
    # The pre-roll of speech at the very beginning is cut short by the beginning.
    assert moved[0].start == pytest.approx(plain[0].start + shift, abs=0.45)
    assert moved[-1].end == pytest.approx(plain[-1].end + shift, abs=0.45)


def test_silence_never_reaches_the_engine() -> None:
    engine = FakeEngine()
    events = run(silence(30), engine=engine)
    assert not engine.opened
    assert not updates(events)


def test_files_are_recognised_once_in_long_utterances(english: Waveform) -> None:
    engine = FakeEngine()
    events = run(english, file_options("es"), engine)
    assert len(segments(events)) == len(updates(events)) == len(engine.opened) == 1
    assert not engine.opened[0].interactive


def test_speech_without_a_pause_is_cut_between_words(english: Waveform) -> None:
    endpoint = EndpointConfig(pause_s=5.0, shortest_pause_s=5.0, max_utterance_s=4.0)
    engine = FakeEngine()
    found = segments(run(english, replace(CAPTIONS, endpoint=endpoint), engine))
    assert len(found) >= 2
    assert all(segment.end - segment.start <= 4.3 for segment in found)
    # Every sample of the utterance is recognised once: cuts leave nothing out and repeat nothing.
    assert len(engine.opened) == 1, "a cut starts nothing over"
    speech = np.concatenate(engine.accepted)
    assert np.array_equal(speech, english[: len(speech)])
    assert len(speech) > len(english) - SAMPLE_RATE / 2
    for before, after in itertools.pairwise(found):
        assert after.start - before.end < 0.5


class Laconic(FakeEngine):
    """Understands only the first second and a half of what it is given, and says so at once."""

    def open_stream(self, options: StreamOptions) -> FakeStream:
        stream = super().open_stream(options)
        decode = stream.decode

        def decode_little() -> Hypothesis | None:
            found = decode()
            return None if found is None else replace(found, words=found.words[:3])

        stream.decode = decode_little  # type: ignore[method-assign]
        return stream


def test_what_nobody_understood_before_a_cut_is_given_to_the_next_utterance(english: Waveform) -> None:
    endpoint = EndpointConfig(pause_s=5.0, shortest_pause_s=5.0, max_utterance_s=4.0)
    engine = Laconic()
    found = segments(run(english, replace(CAPTIONS, endpoint=endpoint), engine))
    # Three words, 1.2 s, at a time: each cut is where the last of them ends, and the rest is recognised next.
    assert len(found) >= 7
    assert all(after.start - before.end < 0.1 for before, after in itertools.pairwise(found[:7]))
    assert sum(map(len, engine.accepted)) >= len(english) - SAMPLE_RATE


def test_words_of_a_segment_are_in_the_order_of_time(english: Waveform) -> None:
    class Wavering(FakeEngine):
        def open_stream(self, options: StreamOptions) -> FakeStream:
            stream = super().open_stream(options)
            decode, turn = stream.decode, itertools.count()

            def decode_elsewhere() -> Hypothesis | None:
                found, late = decode(), 0.6 * (next(turn) % 2)
                if found is None:
                    return None
                return replace(
                    found, words=tuple(replace(w, start=w.start + late, end=w.end + late) for w in found.words)
                )

            stream.decode = decode_elsewhere  # type: ignore[method-assign]
            return stream

    for segment in segments(run(english, CAPTIONS, Wavering())):
        starts = [word.start for word in segment.words]
        assert starts == sorted(starts)


@settings(max_examples=8)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=30))
def test_the_chopping_of_the_audio_does_not_matter(english: Waveform, sizes: list[int]) -> None:
    class ChoppedFeed(PulledFeed):
        def read(self, timeout_s: float = 0.1) -> Block | None:
            if not chunks:
                self.ended = True
                return None
            start, end = chunks.pop(0)
            return Block(start, english[start:end])

    boundaries = [0, *[boundary for boundary in np.cumsum(sizes).tolist() if boundary < len(english)], len(english)]
    chunks = list(itertools.pairwise(boundaries))
    options = file_options("es")
    chopped = list(Session(FakeEngine(), options).run(ChoppedFeed(FakeSource(english), is_paced=False)))
    assert segments(chopped) == segments(run(english, options))


def test_skipped_audio_ends_the_utterance_and_keeps_the_times(english: Waveform) -> None:
    class SkippingFeed(PulledFeed):
        def read(self, timeout_s: float = 0.1) -> Block | None:
            block = super().read(timeout_s)
            return block if block is None or block.start < len(english) else Block(block.start + 160_000, block.pcm)

    feed = SkippingFeed(FakeSource(np.concatenate([english, english])), is_paced=False)
    found = segments(list(Session(FakeEngine(), CAPTIONS).run(feed)))
    seconds = len(english) / SAMPLE_RATE
    assert all(segment.end <= seconds + 0.5 or segment.start >= seconds + 9.5 for segment in found)
    assert found[-1].end > seconds + 15


def test_language_and_task_change_from_the_next_utterance_on(english: Waveform) -> None:
    engine = FakeEngine()
    session = Session(engine, CAPTIONS)
    for event in session.run(open_feed(FakeSource(np.concatenate([english, silence(1), english])))):
        if isinstance(event, Update) and event.audio_s > 4 and session.options.language == "es":
            session.configure("en", translate=True)
    assert engine.opened[0].language == "es"
    assert (engine.opened[-1].language, engine.opened[-1].translate) == ("en", True)


def test_a_detected_language_is_the_likely_one_of_the_next_utterance(english: Waveform) -> None:
    engine = FakeEngine()
    run(np.concatenate([english, silence(2), english]), SessionOptions(language=None), engine)
    assert engine.opened[0].likely_language is None
    assert engine.opened[-1].likely_language == "es"


def test_a_segment_says_how_sure_its_language_is_and_where_its_times_come_from(english: Waveform) -> None:
    engine = FakeEngine()
    detected, named = run(english, SessionOptions(language=None), engine), run(english, CAPTIONS, engine)
    assert {segment.language_confidence for segment in segments(detected)} == {0.9}
    assert {segment.language_confidence for segment in segments(named)} == {None}
    assert not any(segment.times_estimated for segment in segments(detected))
    engine.info = replace(engine.info, aligns_words=False, detects_language=False)
    guessed = segments(run(english, SessionOptions(language=None), engine))
    assert all(segment.times_estimated and segment.language_confidence is None for segment in guessed)


def test_a_policy_is_chosen_by_the_options(english: Waveform) -> None:
    class AtOnce:
        def update(self, hypothesis: Hypothesis, is_final: bool) -> Decision:
            return Decision(committed=hypothesis.words)

    events = run(english, replace(CAPTIONS, policy=AtOnce))
    assert updates(events)[0].committed
    assert not any(update.tentative for update in updates(events))


def test_a_source_that_fails_loses_nothing_that_was_heard(english: Waveform) -> None:
    session = Session(FakeEngine(), CAPTIONS)
    events: list[Event] = []
    with pytest.raises(AudioError, match="broken"):
        for event in session.run(open_feed(FakeSource(english, error=AudioError("broken")))):
            events.append(event)
    assert segments(events)[-1].end > 9
    assert isinstance(events[-1], End)


def test_an_engine_that_fails_is_said_and_what_came_before_is_there(english: Waveform) -> None:
    def fail(audio_s: float) -> None:
        if audio_s > 2:
            raise EngineError("out of memory")

    events: list[Event] = []
    with pytest.raises(EngineError, match="out of memory"):
        for event in Session(FakeEngine(fail), CAPTIONS).run(open_feed(FakeSource(english))):
            events.append(event)
    assert updates(events)


def test_interim_results_get_rarer_when_recognition_is_slow(english: Waveform) -> None:
    def counted(decode_s: float) -> tuple[int, float]:
        feed = PulledFeed(FakeSource(english), is_paced=True)

        def slow(_: float) -> None:
            feed._skipped_s += decode_s

        events = list(Session(FakeEngine(slow), CAPTIONS).run(feed))
        lag = max(event.lag_s for event in events if isinstance(event, Status))
        return len(updates(events)), lag

    quick, slow = counted(0.01), counted(1.0)
    assert slow[0] < quick[0] / 2
    assert slow[1] < 4


def test_the_first_word_is_looked_for_in_every_frame_where_sound_is_encoded_once(english: Waveform) -> None:
    def decoded(streaming: Literal["native", "buffered"]) -> list[float]:
        lengths: list[float] = []
        engine = FakeEngine(lengths.append)
        engine.info = replace(engine.info, streaming=streaming)
        run(english[: 3 * SAMPLE_RATE], engine=engine)
        return lengths

    native, buffered = decoded("native"), decoded("buffered")
    # The fake's first word is of 0.4 s, and final when two hypotheses that end 0.3 s after it have it.
    steps = np.diff([length for length in native if length < 2.0])
    assert len(steps) > 3
    assert steps[:3] == pytest.approx(0.16, abs=0.01)
    assert steps[3:] == pytest.approx(0.5, abs=0.15)
    assert native[0] < buffered[0]


def test_the_journal_has_every_event_before_it_is_seen(english: Waveform, tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", SessionHeader("fake", "fake"))
    seen: list[Segment] = []
    for event in Session(FakeEngine(), CAPTIONS, journal).run(open_feed(FakeSource(english))):
        if isinstance(event, Segment):
            seen.append(event)
            assert len(SavedSession.load(tmp_path / "s").segments) == len(seen)
    journal.close()
    saved = SavedSession.load(tmp_path / "s")
    assert saved.ended
    assert [segment.text for segment in saved.segments] == [segment.text for segment in seen]


def test_a_full_disk_is_a_notice_and_nothing_is_lost_when_there_is_room_again(
    english: Waveform, tmp_path: Path
) -> None:
    journal = Journal.create(tmp_path / "s", SessionHeader("fake", "fake"))
    session = Session(FakeEngine(), CAPTIONS, journal)
    with full_disk(tmp_path / "s" / "events.jsonl", room=700):
        events = list(session.run(open_feed(FakeSource(english))))
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "could not be written" in notice.message
    assert not journal.is_whole
    journal.close()
    saved = SavedSession.load(tmp_path / "s")
    assert saved.ended
    assert not saved.damage
    assert [segment.text for segment in saved.segments] == [segment.text for segment in segments(events)]


def test_gaps_are_events(english: Waveform) -> None:
    feed = PulledFeed(FakeSource(english), is_paced=False)
    reports = [[Gap(1.0, 2.0)], []]
    feed.reports = lambda: reports.pop(0) if reports else []  # type: ignore[method-assign]
    assert Gap(1.0, 2.0) in list(Session(FakeEngine(), CAPTIONS).run(feed))
