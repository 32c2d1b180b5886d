"""Where speech without a pause is cut."""

from speech3n.session.cut import words_before_cut
from speech3n.types import Word


def words(*texts: str, gap_after: int = -1) -> list[Word]:
    shift = 0.0
    result = []
    for index, text in enumerate(texts):
        result.append(Word(text, index + shift, index + shift + 1.0, 0.9))
        shift += 0.4 if index == gap_after else 0.0
    return result


def test_a_sentence_end_in_the_later_half_is_the_place() -> None:
    said = words("One", "two.", "three", "four", "five.", "six", "seven", "eight")
    assert words_before_cut(said, 0, 8.0) == 5


def test_the_longest_gap_is_next_best() -> None:
    said = words(*"abcdefgh", gap_after=5)
    assert words_before_cut(said, 0, 8.0) == 6


def test_committed_words_stay_before_the_cut_and_the_last_ones_after() -> None:
    said = words("a", "b", "c", "d.", "e", "f", "g", "h.")
    assert words_before_cut(said, 5, 8.0) == 5
    assert words_before_cut(said, 6, 8.0) == 6
    assert words_before_cut(said, 0, 8.0) == 4


def test_nothing_to_cut() -> None:
    assert words_before_cut([], 0, 8.0) == 0
    assert words_before_cut(words("one"), 0, 8.0) == 0
