import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.eval.measures.normalise import Normaliser, whisper_normaliser
from speech3n.eval.measures.wer import (
    AlignedRun,
    ErrorCounts,
    align_characters,
    align_words,
    character_errors,
    total_errors,
    word_errors,
)

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


def test_nothing_heard_is_deletions_and_nothing_at_all_is_no_error() -> None:
    assert word_errors(["a b c"], [""], BASIC) == ErrorCounts("whisper-basic", 0, 0, deletions=3, insertions=0)
    assert word_errors([], [], BASIC) == ErrorCounts("whisper-basic", 0, 0, 0, 0)
    assert align_words([], [], BASIC) == []
    assert align_words([""], [""], BASIC)[0].runs == ()


def test_alignment_says_which_words_are_wrong() -> None:
    first, second = align_words(["The cat, sat on a mat.", "one"], ["the bat sat on mat mat now", ""], BASIC)
    assert first.runs == (
        AlignedRun("equal", ("the",), ("the",)),
        AlignedRun("substitute", ("cat",), ("bat",)),
        AlignedRun("equal", ("sat", "on"), ("sat", "on")),
        AlignedRun("substitute", ("a",), ("mat",)),
        AlignedRun("equal", ("mat",), ("mat",)),
        AlignedRun("insert", (), ("now",)),
    )
    assert first.errors == ErrorCounts("whisper-basic", hits=4, substitutions=2, deletions=0, insertions=1)
    assert second.runs == (AlignedRun("delete", ("one",), ()),)


def test_characters_are_aligned_with_spaces() -> None:
    (clip,) = align_characters(["ab c"], ["abc"], BASIC)
    assert clip.runs == (
        AlignedRun("equal", ("a", "b"), ("a", "b")),
        AlignedRun("delete", (" ",), ()),
        AlignedRun("equal", ("c",), ("c",)),
    )


TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


@given(TEXTS, TEXTS)
def test_runs_put_together_are_the_texts_and_their_counts_the_errors(reference: str, hypothesis: str) -> None:
    (clip,) = align_words([reference], [hypothesis], BASIC)
    assert [word for run in clip.runs for word in run.reference] == reference.split()
    assert [word for run in clip.runs for word in run.hypothesis] == hypothesis.split()
    lengths = dict.fromkeys(("equal", "substitute", "delete", "insert"), 0)
    for run in clip.runs:
        lengths[run.kind] += max(len(run.reference), len(run.hypothesis))
        assert run.kind not in ("equal", "substitute") or len(run.reference) == len(run.hypothesis)
        assert (run.kind == "equal") == (run.reference == run.hypothesis)
    assert clip.errors == ErrorCounts("whisper-basic", *lengths.values())


def test_totals_name_every_normaliser() -> None:
    spanish = ErrorCounts("whisper-basic", 1, 2, 3, 4)
    english = ErrorCounts("whisper-english", 10, 20, 30, 40)
    total = total_errors([spanish, english, spanish])
    assert total == ErrorCounts("whisper-basic + whisper-english", 12, 24, 36, 48)
    assert total_errors([total, spanish]).normaliser == "whisper-basic + whisper-english"
    with pytest.raises(ValueError, match="no errors"):
        total_errors([])


def test_each_reference_needs_a_hypothesis() -> None:
    with pytest.raises(ValueError, match="2 references but 1 hypotheses"):
        word_errors(["a", "b"], ["a"], BASIC)
    with pytest.raises(ValueError, match="1 references but 0 hypotheses"):
        align_characters(["a"], [], BASIC)
