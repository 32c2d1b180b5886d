import math

import pytest

from speech3n.eval.measures.bleu import translation_score


def test_bleu_by_hand() -> None:
    score = translation_score(["the cat sat on the mat"], ["the cat sat on mat"])
    # n-gram precisions 5/5, 3/4, 2/3, 1/2; brevity penalty exp(1 - 6/5).
    by_hand = 100 * math.exp(1 - 6 / 5) * (1 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert score.bleu == pytest.approx(by_hand)


def test_chrf_by_hand() -> None:
    score = translation_score(["abc"], ["abd"])
    # Character 1-grams 2/3, 2-grams 1/2, 3-grams 0/1, in precision and recall alike: mean 7/18.
    assert score.chrf == pytest.approx(100 * 7 / 18)


def test_chrf_leaves_spaces_out() -> None:
    score = translation_score(["abc d"], ["abd d"])
    # Characters without spaces: 1-grams 3/4, 2-grams 1/3, 3-grams 0/2, 4-grams 0/1.
    assert score.chrf == pytest.approx(100 * (3 / 4 + 1 / 3) / 4)


@pytest.mark.parametrize(("references", "hypotheses"), [(["a b c d"], [""]), (["", ""], ["a b", ""]), ([""], [""])])
def test_empty_texts_score_nothing(references: list[str], hypotheses: list[str]) -> None:
    score = translation_score(references, hypotheses)
    assert (score.bleu, score.chrf) == (0.0, 0.0)


def test_scores_carry_their_signatures() -> None:
    score = translation_score(["a b c d"], ["a b c d"])
    assert score.bleu == pytest.approx(100.0)
    assert score.bleu_signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert score.chrf_signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")


@pytest.mark.parametrize(("references", "hypotheses"), [([], []), (["a"], [])])
def test_unequal_or_no_texts_are_refused(references: list[str], hypotheses: list[str]) -> None:
    with pytest.raises(ValueError, match="references"):
        translation_score(references, hypotheses)
