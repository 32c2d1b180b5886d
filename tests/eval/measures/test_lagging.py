"""Average lagging and re-segmentation, by hand and against the packages of the field.

The log below was scored by OmniSTEval 0.1.10 (`resegment` with `lang=None`, `evaluate_instances`) and re-segmented by
mweralign 1.4.1 (`align_texts`) in an environment of their own; they say the same as the code under test.
"""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.eval.measures.lagging import EmittedWord, SourceStretch, laal, lagging, resegmented, yaal
from speech3n.eval.measures.resegment import assign_words

STRETCHES = [
    SourceStretch(0.5, 3.5, ("Good", "morning", "everyone.")),
    SourceStretch(4.0, 6.5, ("We", "talk", "about", "rivers.")),
    SourceStretch(7.0, 11.0, ("They", "bring", "water", "to", "the", "towns", "and", "fields.")),
]
SENTENCES = [
    "Good morning to everyone.",
    "We are talking about the rivers.",
    "They bring water, and more, to towns and fields.",
]
RECORDING_S = 11.25
AUDIO_S = [1.5, 1.5, 2.5, 3.5, 5, 5.5, 5.5, 6.5, 7, 7, 8.5, 8.5, 9, 9.5, 9.5, 10, 10.5, 11, 11.5]
ELAPSED_S = [1.75, 1.75, 2.875, 4, 5.25, 5.875, 5.875, 7, 7.5, 7.5, 9, 9, 9.5, 10, 10, 10.75, 11, 11.5, 12]
EMITTED = [
    EmittedWord(word, audio_s, elapsed_s)
    for word, audio_s, elapsed_s in zip(" ".join(SENTENCES).split(), AUDIO_S, ELAPSED_S, strict=True)
]
delays = st.lists(st.integers(0, 80).map(lambda eighths: eighths / 8), min_size=1, max_size=8).map(sorted)


def test_laal_by_hand() -> None:
    # Four words from a source of 4 s keep step at a word a second: lags 1, 1, 1, 1.
    assert laal([1, 2, 3, 4], 4) == 1.0
    # The third word comes at the end of the source and is the last that counts: lags 2, 1, 2.
    assert laal([2, 2, 4, 4], 4) == pytest.approx(5 / 3)
    # Eight words should have come, one every half second: lags 1, 1.5, 2, 2.5.
    assert laal([1, 2, 3, 4], 4, reference_length=8) == 1.75
    # Two words should have come: those too many earn no credit, the pace is that of four.
    assert laal([1, 2, 3, 4], 4, reference_length=2) == 1.0
    # Everything after the source: the first delay alone.
    assert laal([5, 6], 4) == 5


def test_yaal_by_hand() -> None:
    # The words at the end of the source are left out: lags 2, 1.
    assert yaal([2, 2, 4, 4], 4) == 1.5
    # In a recording of 6 s they count, all but the last: lags 2, 1, 2, 1.
    assert yaal([2, 2, 4, 4, 6], 5, until_s=6) == 1.5
    assert yaal([4, 5], 4) is None
    assert yaal([4, 5], 4, until_s=10) == pytest.approx((4 + (5 - 2)) / 2)


@pytest.mark.parametrize("metric", [laal, yaal])
def test_nothing_to_average_is_an_error(metric: Callable[[list[float], float], float | None]) -> None:
    with pytest.raises(ValueError, match="no delays"):
        metric([], 1.0)
    with pytest.raises(ValueError, match="source of 0"):
        metric([1.0], 0.0)


def test_a_long_output_is_cut_as_omnisteval_and_mweralign_cut_it() -> None:
    words = [[word.text for word in stretch] for stretch in resegmented(EMITTED, STRETCHES)]
    assert words == [sentence.split() for sentence in SENTENCES]


def test_lagging_is_that_of_omnisteval() -> None:
    measured = lagging(resegmented(EMITTED, STRETCHES), STRETCHES, RECORDING_S, paced=True)
    assert measured.aware is not None
    assert measured.stretches == 3
    # long_laal, long_yaal, ca_long_laal, ca_long_yaal of OmniSTEval 0.1.10, milliseconds there.
    assert measured.unaware.laal == pytest.approx(0.8773148, abs=1e-6)
    assert measured.unaware.long_yaal == pytest.approx(0.8912037, abs=1e-6)
    assert measured.aware.laal == pytest.approx(1.3010913, abs=1e-6)
    assert measured.aware.long_yaal == pytest.approx(1.328869, abs=1e-6)


def test_the_first_sentence_by_hand() -> None:
    # Delays 1, 1, 2, 3 from a source of 3 s; four words came where three should: 0.75 s a word.
    lag = lagging([EMITTED[:4]], STRETCHES[:1], RECORDING_S, paced=False)
    assert lag.unaware.laal == lag.unaware.long_yaal == pytest.approx((1 + 0.25 + 0.5 + 0.75) / 4)
    assert lag.aware is None


def test_stretches_without_words_are_left_out() -> None:
    lag = lagging([EMITTED[:4], []], STRETCHES[:2], RECORDING_S, paced=False)
    assert (lag.stretches, lag.unaware.laal) == (1, 0.625)
    assert math.isnan(lagging([[], []], STRETCHES[:2], RECORDING_S, paced=False).unaware.laal)


def test_words_that_align_with_nothing_join_the_sentence_they_resemble() -> None:
    references = [["one", "two"], ["three", "four"]]
    # "thrice" is more like "three", which follows, than like "two": it and what comes after it begin the next sentence.
    assert assign_words(["one", "two", "xxx", "thrice", "zzz", "three", "four"], references) == [0, 0, 0, 1, 1, 1, 1]
    # Only those: an unlike word after "three" stays with it.
    others = [["one", "two"], ["three"], ["four"]]
    assert assign_words(["one", "two", "thrice", "three", "xxx", "four"], others) == [0, 0, 1, 1, 1, 2]
    # Nothing comes before the first word, so it goes with what follows, punctuation too.
    assert assign_words([".", "one", "two", "three"], references) == [0, 0, 0, 1]


def test_punctuation_aligns_with_no_word() -> None:
    assert assign_words(["a", ".", "b"], [["a", "."], ["b"]]) == [0, 0, 1]
    assert assign_words(["a", "."], [["a"], ["b"]]) == [0, 0]


def test_case_and_width_do_not_matter() -> None:
    assert assign_words(["ab", "ｏｎｅ"], [["AB"], ["One"], ["xyz"]]) == [0, 1]


def test_a_sentence_may_get_nothing() -> None:
    assert assign_words(["one", "three"], [["one"], ["dog", "sky"], ["three"]]) == [0, 2]
    assert assign_words([], [["one"]]) == []
    assert assign_words(["one"], [[], []]) == [0]
    with pytest.raises(ValueError, match="no references"):
        assign_words(["one"], [])


vocabulary = st.sampled_from("a an the rain rains in Spain falls mainly on plain , .".split())
sentences = st.lists(st.lists(vocabulary, min_size=1, max_size=6), min_size=1, max_size=5)


@given(sentences)
def test_the_reference_itself_is_cut_into_its_sentences(references: list[list[str]]) -> None:
    words = [word for sentence in references for word in sentence]
    assert assign_words(words, references) == [number for number, sentence in enumerate(references) for _ in sentence]


@given(st.lists(vocabulary, max_size=20), sentences)
def test_words_stay_in_order_and_none_is_lost(words: list[str], references: list[list[str]]) -> None:
    owners = assign_words(words, references)
    assert len(owners) == len(words)
    assert owners == sorted(owners)
    assert all(0 <= owner < len(references) for owner in owners)


@given(delays, st.integers(1, 10), st.integers(0, 10))
def test_lagging_shifts_with_its_delays(at: list[float], source_s: int, reference_length: int) -> None:
    lag, later = (
        yaal([delay + shift for delay in at], source_s, reference_length, until_s=math.inf) for shift in (0.0, 2.0)
    )
    assert lag is not None
    assert later == pytest.approx(lag + 2.0)


@given(delays, st.integers(1, 10))
def test_saying_more_than_the_reference_earns_nothing(at: list[float], source_s: int) -> None:
    """What LAAL was made for: average lagging, by the length of the reference alone, would fall."""
    assert laal(at, source_s, 1) == laal(at, source_s, len(at))
    assert laal(at, source_s, len(at) + 3) >= laal(at, source_s, len(at))
