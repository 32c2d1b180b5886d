from pathlib import Path

import pytest

from eval.datasets import Clip, JoinedClip
from eval.latency import WordDelay, clip_end_delays, distribution, stability, word_delays
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
