"""One report on the latency of a session, from its events or from what it left on disk."""

import math
from dataclasses import asdict
from pathlib import Path

import pytest

from speech3n.eval.measures.events import read_events, write_events
from speech3n.eval.measures.lagging import Lag
from speech3n.eval.measures.latency_report import LatencyReport, ReferenceSegment, joined_references, latency_report
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.joined import JoinedClip
from speech3n.types import End, Event, Segment, Status, Update, Word

EINS, ZWEI = Word("eins", 1.0, 1.5, 1.0), Word("zwei", 1.5, 3.0, 1.0)
DREI = Word("drei", 5.0, 6.0, 1.0)
EVENTS: list[Event] = [
    Update((), (EINS,), (), ("one",), language="de", audio_s=2.0, elapsed_s=2.5),
    Status(2.5, 0.5, 2.5, 0.125, -30.0, True),
    Update((EINS, ZWEI), (), ("one", "two"), (), language="de", audio_s=4.0, elapsed_s=4.75),
    Segment(0, 1.0, 3.0, "eins zwei", (EINS, ZWEI), "de", "one two", target_language="en"),
    Update((DREI,), (), ("three",), (), segment=1, language="de", audio_s=7.0, elapsed_s=7.25),
    Segment(1, 5.0, 6.0, "drei", (DREI,), "de", "three", target_language="en"),
    Status(8.0, 0.0, 8.0, 0.25, -30.0, False, dropped_s=0.5),
    End(8.0, 8.5, 0.5),
]
REFERENCE = [ReferenceSegment(0.0, 4.0, "eins zwei", "one two"), ReferenceSegment(4.0, 8.0, "und drei", "and three")]


def test_a_report_by_hand() -> None:
    report = latency_report(EVENTS, peak_memory_mib=100.0)
    assert (report.audio_s, report.dropped_s, report.paced, report.rtf, report.peak_memory_mib) == (
        *(8.0, 0.5, True, 0.25, 100.0),
    )
    source = report.source
    assert source.shown.aware is not None
    assert source.committed.aware is not None
    # Heard after the ends 1.5, 3 and 6 s: shown at 2, 4 and 7, committed at 4, 4 and 7.
    assert (source.shown.unaware.median, source.shown.unaware.maximum) == (1.0, 1.0)
    assert (source.committed.unaware.median, source.committed.unaware.maximum) == (1.0, 2.5)
    # Gone by after them: shown at 2.5, 4.75 and 7.25, committed at 4.75, 4.75 and 7.25.
    assert (source.shown.aware.median, source.shown.aware.maximum) == (1.25, 1.75)
    assert (source.committed.aware.median, source.committed.aware.maximum) == (1.75, 3.25)
    # The segments begin at 1 and 5 s; text was there at 2 and 7 s.
    assert (source.first_word.unaware.count, source.first_word.unaware.median) == (2, 1.5)
    # 0.5 s, 0.75 s and 0.25 s after their audio.
    assert (report.updates, report.update_s.median, report.update_s.maximum) == (3, 0.5, 0.75)
    assert source.stability.normalised_erasure == 0.0


def test_lagging_by_hand_without_a_reference() -> None:
    lagging = latency_report(EVENTS).source.lagging
    assert lagging is not None
    assert (lagging.stretches, lagging.against_reference) == (2, False)
    # Both come after their ends. LAAL: the first delays, 3 of 2 s and 2 of 1 s. LongYAAL: (3 + (3 - 1)) / 2, and 2.
    assert lagging.unaware == Lag(2.5, 2.25)
    assert lagging.aware == Lag((3.75 + 2.25) / 2, ((3.75 + 2.75) / 2 + 2.25) / 2)


def test_lagging_by_hand_against_a_reference() -> None:
    report = latency_report(EVENTS, REFERENCE)
    assert report.translation is not None
    for lagging in (report.source.lagging, report.translation.lagging):
        assert lagging is not None
        assert (lagging.stretches, lagging.against_reference) == (2, True)
        # Stretch 1: delays 4, 4 of 4 s, of which LAAL counts the first: 4; LongYAAL (4 + (4 - 2)) / 2.
        # Stretch 2: delay 3 of 4 s.
        assert lagging.unaware == Lag(3.5, 3.0)


def test_a_reference_without_translations_leaves_them_to_the_session() -> None:
    report = latency_report(EVENTS, [ReferenceSegment(0.0, 8.0, "eins zwei drei")])
    assert report.translation is not None
    assert report.translation.lagging is not None
    assert report.source.lagging is not None
    assert report.source.lagging.against_reference
    assert not report.translation.lagging.against_reference


def test_translation_has_delays_and_flicker_of_its_own() -> None:
    wrong = Update((), (), (), ("uno", "due"), language="de", audio_s=1.5, elapsed_s=1.75)
    report = latency_report([wrong, *EVENTS])
    assert report.translation is not None
    assert report.translation.stability.normalised_erasure == pytest.approx(2 / 3)
    # "one" is due at 2 s, "two" at 3 s, "three" at 6 s; shown when 2, 4 and 7 s were heard.
    assert report.translation.shown.unaware.median == 1.0
    assert report.translation.committed.unaware.maximum == 4.0 - 2.0
    # 0.5 s and 2 s after the beginnings of the segments; the source came later.
    assert report.translation.first_word.unaware.median == 1.25
    assert report.source.first_word.unaware.median == 1.5


def test_reference_ends_move_delays() -> None:
    report = latency_report(EVENTS, word_ends={0: [1.0, 2.0], 1: [5.5]})
    assert report.source.committed.unaware.maximum == 3.0
    assert report.source.committed.unaware.median == 2.0


def test_a_session_without_translation_has_none() -> None:
    events = [Update((EINS,), audio_s=2.0, elapsed_s=2.0), Segment(0, 1.0, 1.5, "eins", (EINS,), "de"), End(2.0, 2.0)]
    assert latency_report(events).translation is None


def test_the_log_says_what_the_events_say(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    list(write_events(path, EVENTS))
    assert latency_report(read_events(path), REFERENCE) == latency_report(EVENTS, REFERENCE)


def test_what_a_log_does_not_hold_is_none() -> None:
    """A journal has no status lines, and nobody but the process knows its memory."""
    journal = [event for event in EVENTS if not isinstance(event, Status)]
    report = latency_report(journal)
    assert (report.rtf, report.peak_memory_mib) == (None, None)


def test_without_a_pace_there_is_only_what_was_heard() -> None:
    fast: list[Event] = [
        Update((EINS,), language="de", audio_s=20.0, elapsed_s=1.0),
        Segment(0, 1.0, 1.5, "eins", (EINS,), "de"),
        End(20.0, 2.0),
    ]
    report = latency_report(fast)
    assert not report.paced
    assert (report.source.committed.aware, report.source.committed.unaware.median) == (None, 18.5)
    assert report.source.lagging is not None
    assert report.source.lagging.aware is None
    # All its time was computing.
    assert report.rtf == 0.1
    assert report.update_s.maximum == 1.0
    # Slower than speech, it looks as if it waited: the caller knows better.
    assert latency_report(EVENTS, paced=False).source.committed.aware is None


def test_silence_is_a_report_too() -> None:
    report = latency_report([End(5.0, 5.0)])
    assert (report.audio_s, report.updates, report.source.lagging) == (5.0, 0, None)
    assert report.source.committed.unaware.count == 0
    assert math.isnan(report.update_s.median)
    assert asdict(latency_report([]))["audio_s"] == 0.0


def test_a_killed_session_is_measured_up_to_its_end() -> None:
    report = latency_report(EVENTS[:5])
    assert report.source.committed.unaware.count == 2
    # The word of the segment that never became final was shown for nothing.
    assert report.source.stability.normalised_erasure == 0.5


def test_chinese_is_measured_by_characters() -> None:
    word = Word("早上好", 0.0, 1.5, 1.0)
    events: list[Event] = [
        Update((word,), language="zh", audio_s=2.0, elapsed_s=2.0),
        Segment(0, 0.0, 1.5, "早上好", (word,), "zh"),
        End(4.0, 4.0),
    ]
    report = latency_report(events, [ReferenceSegment(0.0, 3.0, "早上好吗")])
    assert report.source.committed.unaware.count == 3
    assert report.source.lagging is not None
    # Delays 2, 2, 2 of 3 s with four characters in the reference: 0.75 s each.
    assert report.source.lagging.unaware.laal == pytest.approx((2 + 1.25 + 0.5) / 3)


def test_joined_clips_are_references() -> None:
    clip = Clip(Path("a.wav"), "de", "eins", 2.0, translation_en="one")
    assert joined_references([JoinedClip(clip, 3.0, 5.0, 4.75)]) == [ReferenceSegment(3.0, 5.0, "eins", "one")]


def test_a_report_is_typed() -> None:
    assert isinstance(latency_report(EVENTS), LatencyReport)
