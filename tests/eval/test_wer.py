import pytest

from eval.normalise import Normaliser, whisper_normaliser
from eval.wer import ErrorCounts, character_errors, word_errors

BASIC = whisper_normaliser("es")


def test_edits_are_counted_over_all_clips() -> None:
    # a b c d e -> a X c e (1 S, 1 D), f g -> f g h (1 I): 3 edits on 7 reference words.
    errors = word_errors(["a b c d e", "f g"], ["a x c e", "f g h"], BASIC)
    assert errors == ErrorCounts("whisper-basic", hits=5, substitutions=1, deletions=1, insertions=1)
    assert errors.reference_length == 7
    assert errors.rate == pytest.approx(3 / 7)


def test_texts_are_normalised_first() -> None:
    assert word_errors(["¡Hola, Señor!"], ["hola señor"], BASIC).rate == 0.0
    as_written = Normaliser("none", lambda text: text)
    assert word_errors(["¡Hola, Señor!"], ["hola señor"], as_written).substitutions == 2


def test_characters_are_counted_with_spaces() -> None:
    errors = character_errors(["ab c"], ["abc"], BASIC)
    assert (errors.deletions, errors.reference_length) == (1, 4)


def test_words_where_nothing_was_said() -> None:
    assert word_errors([""], ["a b"], BASIC).rate == float("inf")
    assert word_errors([""], [""], BASIC).rate == 0.0


def test_each_reference_needs_a_hypothesis() -> None:
    with pytest.raises(ValueError, match="2 references but 1 hypotheses"):
        word_errors(["a", "b"], ["a"], BASIC)
