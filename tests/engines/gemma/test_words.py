"""Words are found in an answer with how sure the model was, and get times that hold together."""

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speech3n.engines.gemma.words import TokenText, WordClock, split_words, word_confidences
from speech3n.types import Word


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("¿Qué tal, señor? ", "es", ["¿Qué", "tal,", "señor?"]),
        ("  a\n b ", None, ["a", "b"]),
        ("你好，世 界", "zh", ["你", "好", "，", "世", "界"]),
        ("今日は", "ja", ["今", "日", "は"]),
        ("", "es", []),
        (" ", "ja", []),
    ],
)
def test_words_are_what_the_language_writes_apart(text: str, language: str | None, words: list[str]) -> None:
    assert split_words(text, language) == words


def answer(*tokens: tuple[str, float]) -> TokenText:
    """An answer out of tokens and their probabilities."""
    text, ends = "", []
    for token, _ in tokens:
        text += token
        ends.append(len(text))
    return TokenText(text, tuple(ends), tuple(math.log(probability) for _, probability in tokens))


def confidences(words: str, found: TokenText, language: str = "es") -> list[float]:
    return word_confidences(split_words(words, language), found)


def test_a_words_confidence_is_the_mean_of_its_tokens() -> None:
    found = answer(("Ho", 0.9), ("la", 0.4), (",", 0.6), (" mun", 0.5), ("do", 0.5), (".", 0.5), (" a", 0.3))
    assert confidences("Hola, mundo. a", found) == pytest.approx([(0.9 * 0.4 * 0.6) ** (1 / 3), 0.5, 0.3])


def test_a_token_that_holds_parts_of_two_words_counts_for_both() -> None:
    found = answer(("de l", 0.5), ("a", 0.8))
    assert confidences("de la", found) == pytest.approx([0.5, (0.5 * 0.8) ** 0.5])


@pytest.mark.parametrize("label", [" label: ", "Transcript in a language, la la:\n\n", "**Español:** "])
def test_what_stands_before_the_transcript_does_not_count(label: str) -> None:
    """Though the words of the transcript may be found in the label as well."""
    found = answer((label, 0.01), ("a", 0.7), (" la", 0.6), ("\nEnglish:", 0.02), (" a la", 0.03))
    assert confidences("a la", found) == pytest.approx([0.7, 0.6])


def test_words_that_the_parser_changed_do_not_mislead_the_others() -> None:
    found = answer(
        *(("- **", 0.01), ("uno", 0.9), ("**", 0.02), (" d<pad>os", 0.8), (" tres", 0.7), ("\n- ", 0.03)),
        *((" cuatro", 0.6), ("\nEnglish:", 0.04), (" one dos two", 0.05)),
    )
    assert confidences("uno dos tres cuatro", found) == pytest.approx([0.9, 0.8, 0.7, 0.6])


def test_a_word_that_is_not_in_the_answer_takes_the_confidence_of_its_place() -> None:
    found = answer(("uno", 0.9), (" dos", 0.8), (" tres", 0.7))
    assert confidences("uno ## tres", found) == pytest.approx([0.9, 0.8, 0.7])
    assert confidences("## x", answer(("uno", 0.9))) == pytest.approx([0.9, 0.9])


def test_characters_that_are_several_tokens_have_the_mean_of_all() -> None:
    """Bytes of a character end where it ends; a token may hold two characters."""
    found = TokenText("好世界", (1, 1, 1, 3), tuple(math.log(p) for p in (0.9, 0.8, 0.3, 0.5)))
    assert confidences("好世界", found, "zh") == pytest.approx([(0.9 * 0.8 * 0.3) ** (1 / 3), 0.5, 0.5])


def test_an_empty_answer_has_no_confidence() -> None:
    assert confidences("uno", TokenText("", (), ())) == [0.0]
    assert confidences("", answer(("uno", 0.9))) == []


@given(st.lists(st.sampled_from(["a", "la", "sí", "no.", "casa"]), max_size=6), st.text("alsíno. \n*", max_size=20))
def test_every_word_has_a_probability(words: list[str], text: str) -> None:
    found = answer(*((character, 0.5) for character in text))
    given = word_confidences(words, found)
    assert given == pytest.approx([0.5 if text else 0.0] * len(words))


def place(clock: WordClock, text: str, now: float, begin: float = 0.0) -> tuple[Word, ...]:
    words = text.split()
    return clock.place(words, [0.5] * len(words), (begin, now))


def times(words: tuple[Word, ...]) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in words]


def test_a_word_was_said_between_the_moment_before_and_the_one_at_which_it_is_recognised() -> None:
    clock = WordClock()
    text = ""
    spans: list[tuple[float, float]] = []
    before = 0.4
    for now, more in ((1.0, "ya no"), (2.0, "hay más"), (2.5, ""), (4.0, "pan.")):
        text = f"{text} {more}"
        placed = place(clock, text, now, begin=0.4)
        spans += [(before, now)] * len(more.split())
        before = now
        assert [word.text for word in placed] == text.split()
        for word, (since, until) in zip(placed, spans, strict=True):
            assert since <= word.start < word.end <= until
    assert times(placed) == [(0.4, 0.7), (0.7, 1.0), (1.0, 1.5), (1.5, 2.0), (2.5, 4.0)]


def test_long_words_take_more_time_than_short_ones() -> None:
    placed = place(WordClock(), "a constitución", 3.0)
    assert times(placed) == [(0, 0.4), (0.4, 3.0)]
    assert [word.confidence for word in placed] == [0.5, 0.5]


def test_words_keep_their_times_though_others_change() -> None:
    clock = WordClock()
    place(clock, "their are", 1.0)
    before = place(clock, "their are two", 2.0)
    after = place(clock, "There are two, cats", 3.0)
    assert times(after) == [*times(before), (2.0, 3.0)]
    assert after[0].text == "There"


def test_a_word_in_place_of_others_takes_their_time() -> None:
    clock = WordClock()
    before = times(place(clock, "uno dos tres cuatro", 4.0))
    placed = times(place(clock, "uno veintitrés cuatro", 5.0))
    assert placed == [before[0], (before[1][0], before[2][1]), before[3]]


def test_a_last_word_that_was_half_said_stays_and_what_follows_is_new() -> None:
    clock = WordClock()
    before = times(place(clock, "hola mund", 1.0))
    assert times(place(clock, "hola mundo qué tal", 2.0)) == [*before, (1.0, 1.5), (1.5, 2.0)]


def test_a_word_put_between_others_shares_the_time_of_its_neighbour() -> None:
    clock = WordClock()
    before = times(place(clock, "uno cuatro cinco", 3.0))
    placed = times(place(clock, "uno dos cuatro cinco", 4.0))
    assert placed[0][0] == before[0][0]
    assert placed[1][1] == before[0][1]
    assert placed[2:] == before[1:]
    before, placed = placed, times(place(clock, "ya uno dos cuatro cinco", 5.0))
    assert (placed[0][0], placed[1][1]) == before[0]
    assert placed[2:] == before[1:]


def test_words_vanish_and_come_again_later() -> None:
    clock = WordClock()
    before = times(place(clock, "uno dos tres", 1.5))
    assert times(place(clock, "uno", 2.0)) == before[:1]
    assert place(clock, "", 2.2) == ()
    assert times(place(clock, "uno dos", 3.0)) == [(2.2, 2.6), (2.6, 3.0)]


def test_words_that_come_after_the_sound_share_the_time_of_those_before() -> None:
    clock = WordClock()
    before = times(place(clock, "uno dos", 1.0))
    placed = times(place(clock, "uno dos más", 1.0))
    assert placed == [before[0], (0.5, 0.75), (0.75, 1.0)]


def test_words_with_no_time_at_all_get_a_little_before_the_end() -> None:
    assert times(place(WordClock(), "sí no", 5.0, begin=5.0)) == [(4.88, 4.94), (4.94, 5.0)]
    assert times(place(WordClock(), "sí no", 0.0)) == [(0.0, 0.0), (0.0, 0.0)]


def test_whole_milliseconds_and_none_beyond_the_sound() -> None:
    placed = place(WordClock(), "uno dos más", 1.00068)
    assert [word.end for word in placed] == [0.333, 0.667, 1.0]


TEXTS = st.lists(st.sampled_from(["a", "la", "La,", "no", "constitución", "sí"]), max_size=8).map(" ".join)
HYPOTHESES = st.lists(st.tuples(TEXTS, st.floats(0, 1.5), st.floats(0, 0.5)), max_size=8)


@given(HYPOTHESES)
@example([("a", 1.0, 0.0), ("a la no sí", 0.0, 0.0)])
@example([("a la", 0.01, 0.0), ("no a la", 0.0, 0.0)])
def test_times_hold_together_whatever_the_hypotheses_are(hypotheses: list[tuple[str, float, float]]) -> None:
    clock = WordClock()
    begin = now = 0.0
    for text, more_s, later_s in hypotheses:
        now += more_s
        begin = min(begin + later_s, now)
        placed = place(clock, text, now, begin)
        assert [word.text for word in placed] == text.split()
        for word in placed:
            assert 0 <= word.start <= word.end <= now + 1e-6
        for one, other in pairwise(placed):
            assert one.start <= other.start
            assert one.end <= other.end
            assert one.end <= other.start + 1e-9


@given(st.lists(TEXTS, min_size=1, max_size=6), st.lists(st.floats(0.3, 1.5), min_size=6, max_size=6))
def test_words_that_stand_never_move_while_others_follow(texts: list[str], steps: list[float]) -> None:
    """As long as there is time for what is new."""
    clock = WordClock()
    now, text = 0.0, ""
    placed: list[tuple[float, float]] = []
    for more, step in zip(texts, steps, strict=False):
        now += max(step, 0.061 * len(more.split()))
        text = f"{text} {more}"
        later = times(place(clock, text, now))
        assert later[: len(placed)] == placed
        placed = later
