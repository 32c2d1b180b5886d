from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.eval.measures.latency import (
    WordDelay,
    clip_end_delays,
    distribution,
    first_words,
    is_paced,
    stability,
    translation_delays,
    update_times,
    word_delays,
)
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.joined import JoinedClip
from speech3n.types import End, Event, Segment, Status, Update, Word


def words(text: str) -> tuple[Word, ...]:
    """Words that end at 1 s, 2 s, 3 s, ..."""
    return tuple(Word(word, float(index), index + 1.0, 1.0) for index, word in enumerate(text.split()))


def update(committed: str, tentative: str, elapsed_s: float, segment: int = 0) -> Update:
    return Update(words(committed), words(tentative), segment=segment, elapsed_s=elapsed_s)


def segment(text: str, number: int = 0) -> Segment:
    return Segment(number, 0.0, 9.0, text, words(text))


def test_delays_by_hand() -> None:
    events: list[Event] = [
        update("", "one too", 1.5),
        update("one", "two", 2.25),
        update("one two", "", 3.5),
        segment("one two three"),
        Status(audio_s=4.0, lag_s=0.0, elapsed_s=5.0, rtf=0.1, level_db=-96.0, is_speech=False),
        End(9.0, 9.0),
    ]
    one, two, three = word_delays(events)
    assert (one.shown_at, one.committed_at, one.commit_delay) == (1.5, 2.25, 1.25)
    # First shown as "too": that is another word.
    assert (two.shown_at, two.committed_at, two.shown_delay) == (2.25, 3.5, 0.25)
    # In no update: counts as late as the next event with a time after its segment.
    assert (three.shown_at, three.committed_at, three.commit_delay) == (5.0, 5.0, 2.0)


def test_case_and_punctuation_do_not_make_another_word() -> None:
    events = [update("", "Hello", 1.5), update("hello,", "", 3.0), segment("hello,")]
    assert word_delays(events)[0].shown_at == 1.5


def test_reference_ends_replace_those_of_the_recogniser() -> None:
    events = [update("one two", "", 4.0), segment("one two")]
    assert [delay.commit_delay for delay in word_delays(events)] == [3.0, 2.0]
    assert [delay.commit_delay for delay in word_delays(events, {0: [0.5, 1.0]})] == [3.5, 3.0]


def test_segments_are_told_apart() -> None:
    events = [
        update("one", "", 2.0),
        segment("one"),
        update("", "one", 11.0, segment=1),
        update("one", "", 12.0, segment=1),
        segment("one", 1),
    ]
    assert [(delay.shown_at, delay.committed_at) for delay in word_delays(events)] == [(2.0, 2.0), (11.0, 12.0)]


def test_a_log_that_breaks_off_has_no_time_for_its_last_words() -> None:
    with pytest.raises(ValueError, match="end of the session"):
        word_delays([segment("one")])


def test_erasure_by_hand() -> None:
    events = [
        update("", "a b c", 1.0),
        update("a", "x", 2.0),  # b c taken back: 2
        update("a x", "y z", 3.0),
        segment("a x y"),  # z taken back: 1
        update("", "noise", 4.0, segment=1),  # never final: 1
    ]
    steady = stability(events)
    assert steady.normalised_erasure == pytest.approx(4 / 3)
    assert steady.changed_commits == 0


def test_commits_that_change_are_counted() -> None:
    assert stability([update("a b", "", 1.0), update("a c", "", 2.0), segment("a c")]).changed_commits == 1
    assert stability([update("a b", "", 1.0), segment("a")]).changed_commits == 1


def test_a_commit_that_changes_was_no_later_seen_than_committed() -> None:
    events = [update("a b", "", 2.0), segment("a c"), End(9.0, 9.0)]
    assert [(delay.shown_at, delay.committed_at) for delay in word_delays(events)] == [(2.0, 2.0), (2.0, 2.0)]


def test_nothing_shown_is_steady() -> None:
    assert stability([]).normalised_erasure == 0.0


def test_clip_ends_check_the_last_word_of_each_clip() -> None:
    clip = Clip(Path("a.wav"), "en", "", 2.0)
    clips = [JoinedClip(clip, 3.0 * n, 3.0 * n + 2.0, 3.0 * n + 1.75) for n in range(3)]
    delays = [
        WordDelay("a", 0.0, 1.0, 0.0, 1.5),
        WordDelay("b", 1.5, 2.5, 0.0, 2.75),  # middle 2.0, in the first half of the gap
        WordDelay("c", 2.5, 3.0, 0.0, 5.0),  # middle 2.75: the second clip's
    ]
    assert clip_end_delays(delays, clips) == pytest.approx([2.75 - 1.75, 5.0 - 4.75])


def test_distribution_in_four_numbers() -> None:
    spread = distribution([float(number) for number in range(101)])
    assert (spread.count, spread.median, spread.p95, spread.maximum) == (101, 50.0, 95.0, 100.0)
    assert distribution([]).count == 0


HALLO, WELT = Word("Hallo", 1.0, 1.5, 1.0), Word("Welt", 1.5, 2.0, 1.0)
TRANSLATED: list[Event] = [
    Update((), (HALLO,), (), (), audio_s=2.0, elapsed_s=2.5),
    Update((HALLO,), (WELT,), (), ("Hello", "work"), audio_s=3.0, elapsed_s=3.75),
    Update((HALLO, WELT), (), ("Hello",), ("world",), audio_s=4.0, elapsed_s=4.25),
    Update((HALLO, WELT), (), ("Hello", "world"), (), audio_s=5.0, elapsed_s=5.5),
    Segment(0, 1.0, 2.0, "Hallo Welt", (HALLO, WELT), "de", "Hello world", target_language="en"),
    End(6.0, 6.0),
]


def test_both_clocks_by_hand() -> None:
    hallo, welt = word_delays(TRANSLATED)
    assert (hallo.shown_delay_unaware, hallo.shown_delay) == (2.0 - 1.5, 2.5 - 1.5)
    assert (hallo.commit_delay_unaware, hallo.commit_delay) == (3.0 - 1.5, 3.75 - 1.5)
    assert (welt.shown_delay_unaware, welt.shown_delay) == (3.0 - 2.0, 3.75 - 2.0)
    assert (welt.commit_delay_unaware, welt.commit_delay) == (4.0 - 2.0, 4.25 - 2.0)


def test_a_word_in_no_update_has_the_audio_that_the_next_event_had_heard() -> None:
    events = [segment("one"), Status(5.0, 1.0, 6.0, 0.1, -96.0, False), End(9.0, 9.0)]
    (one,) = word_delays(events)
    assert (one.shown_audio_s, one.committed_audio_s, one.committed_at) == (4.0, 4.0, 6.0)


def test_translated_words_by_hand() -> None:
    hello, world = translation_delays(TRANSLATED)
    # Two words share a segment from 1 s to 2 s.
    assert (hello.end, world.end) == (1.5, 2.0)
    assert (hello.shown_at, hello.committed_at, hello.commit_delay) == (3.75, 4.25, 2.75)
    # First shown as "work".
    assert (world.shown_at, world.shown_audio_s, world.committed_at, world.committed_audio_s) == (4.25, 4.0, 5.5, 5.0)
    assert translation_delays([*TRANSLATED[:1], End(6.0, 6.0)]) == []


def test_flicker_of_a_translation_by_hand() -> None:
    # "work" is taken back, of two words in the end; the source stands from its first sight.
    assert stability(TRANSLATED, "translation").normalised_erasure == 0.5
    assert stability(TRANSLATED).normalised_erasure == 0.0


def test_first_words_by_hand() -> None:
    (source,), (translation,) = first_words(TRANSLATED), first_words(TRANSLATED, "translation")
    assert (source.delay_unaware, source.delay) == (2.0 - 1.0, 2.5 - 1.0)
    # Wrong text is text to look at.
    assert (translation.delay_unaware, translation.delay) == (3.0 - 1.0, 3.75 - 1.0)


def test_times_of_updates_by_hand() -> None:
    events: list[Event] = [
        Update((), audio_s=1.0, elapsed_s=1.25),  # 0.25 s after its audio
        Update((), audio_s=1.16, elapsed_s=1.75),  # waited for the first: 0.5 s
        Status(2.0, 0.84, 2.0, 0.1, -96.0, True),
        Update((), audio_s=1.32, elapsed_s=3.0),  # since the status line: 1 s
        Update((), audio_s=4.0, elapsed_s=4.125),
    ]
    assert update_times(events) == [0.25, 0.5, 1.0, 0.125]


def test_without_a_pace_audio_is_there_at_once() -> None:
    events: list[Event] = [
        Update((), audio_s=10.0, elapsed_s=1.0),
        Update((), audio_s=20.0, elapsed_s=1.5),
        End(30.0, 2.0),
    ]
    assert not is_paced(events)
    assert is_paced(TRANSLATED)
    assert update_times(events, paced=False) == [1.0, 0.5]


@st.composite
def sessions(draw: st.DrawFn) -> list[Event]:
    """One segment of a paced session: a word a second, commits in order, nothing shown before it is spoken."""
    count = draw(st.integers(1, 6))
    texts = " ".join(f"w{number}" for number in range(count))
    events: list[Event] = []
    audio_s = elapsed_s = 0.0
    committed = 0
    for _ in range(draw(st.integers(0, 5))):
        audio_s += draw(st.integers(0, 16)) / 8
        elapsed_s = max(elapsed_s, audio_s) + draw(st.integers(0, 16)) / 8
        audible = min(count, int(audio_s))
        committed = draw(st.integers(committed, max(committed, audible)))
        shown = draw(st.integers(committed, max(committed, audible)))
        found = words(texts)
        events.append(Update(found[:committed], found[committed:shown], audio_s=audio_s, elapsed_s=elapsed_s))
    audio_s = max(audio_s, float(count))
    return [*events, segment(texts), End(audio_s, max(audio_s, elapsed_s) + draw(st.integers(0, 8)) / 8)]


def shifted(events: list[Event], seconds: float, word_s: float) -> list[Event]:
    """The session with its clocks put forward, and its words by `word_s`."""
    moved: list[Event] = []
    for event in events:
        if isinstance(event, Update | End):
            event = replace(event, audio_s=event.audio_s + seconds, elapsed_s=event.elapsed_s + seconds)
        elif isinstance(event, Segment):
            later = tuple(replace(word, start=word.start + word_s, end=word.end + word_s) for word in event.words)
            event = replace(event, words=later)
        moved.append(event)
    return moved


@given(sessions())
def test_delays_are_never_negative_and_computing_only_adds_to_them(events: list[Event]) -> None:
    for delay in word_delays(events):
        assert 0 <= delay.shown_delay_unaware <= delay.commit_delay_unaware
        assert delay.shown_delay_unaware <= delay.shown_delay <= delay.commit_delay
        assert delay.commit_delay_unaware <= delay.commit_delay
    assert all(seconds >= 0 for seconds in update_times(events))


@given(sessions(), st.integers(0, 100))
def test_only_clocks_against_words_move_delays(events: list[Event], seconds: int) -> None:
    before = word_delays(events)
    together, apart = (word_delays(shifted(events, seconds, word_s)) for word_s in (seconds, 0))
    for plain, same, later in zip(before, together, apart, strict=True):
        assert (same.shown_delay, same.commit_delay) == (plain.shown_delay, plain.commit_delay)
        assert (same.shown_delay_unaware, same.commit_delay_unaware) == (
            plain.shown_delay_unaware,
            plain.commit_delay_unaware,
        )
        assert (later.shown_delay, later.commit_delay) == (plain.shown_delay + seconds, plain.commit_delay + seconds)
        assert later.commit_delay_unaware == plain.commit_delay_unaware + seconds


@given(sessions())
def test_text_that_is_only_added_to_never_flickers(events: list[Event]) -> None:
    assert stability(events).changed_commits == 0
    grown = [event for event in events if not isinstance(event, Update) or not event.tentative]
    assert stability(grown).normalised_erasure == 0.0
