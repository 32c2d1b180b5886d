import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from speech3n.eval.measures.bleu import translation_score
from speech3n.eval.measures.clip_statistics import bleu_statistics, chrf_statistics, error_statistics
from speech3n.eval.measures.normalise import whisper_normaliser
from speech3n.eval.measures.wer import ErrorCounts, align_characters, align_words, total_errors

BASIC = whisper_normaliser("es")
TEXT = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "."]), max_size=9).map(" ".join)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4)


@given(PAIRS)
def test_error_rates_are_those_of_the_counts(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = zip(*pairs, strict=True)
    for align in (align_words, align_characters):
        errors = [clip.errors for clip in align(references, hypotheses, BASIC)]
        total = total_errors(errors)
        score = error_statistics(errors).score
        assert score == total.rate if total.reference_length else math.isnan(score)


@given(PAIRS)
def test_translation_scores_are_those_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = zip(*pairs, strict=True)
    expected = translation_score(references, hypotheses)
    assert bleu_statistics(references, hypotheses).score == pytest.approx(expected.bleu)
    assert chrf_statistics(references, hypotheses).score == pytest.approx(expected.chrf)


def test_formulas_hold_for_many_sums_at_once() -> None:
    generator = np.random.default_rng(1)
    references = ["the cat sat on the mat today", "a dog", "we know what we see here"]
    hypotheses = ["the cat sat on mat", "a dog", "we know what you see where"]
    cases = [
        (bleu_statistics(references, hypotheses), BLEU()),
        (chrf_statistics(references, hypotheses), CHRF()),
    ]
    for statistics, metric in cases:
        sums = generator.integers(0, 4, size=(50, 3)) @ statistics.counts
        expected = [metric._compute_score_from_stats(row.tolist()).score for row in sums]
        assert statistics.formula(sums) == pytest.approx(expected)
        assert len(set(expected)) > 10


def test_statistics_name_the_metric_and_its_settings() -> None:
    spanish, english = ErrorCounts("whisper-basic", 1, 0, 0, 0), ErrorCounts("whisper-english", 1, 0, 0, 0)
    assert error_statistics([spanish]).metric == "WER, whisper-basic"
    assert error_statistics([spanish, english], "CER").metric == "CER, whisper-basic + whisper-english"
    assert bleu_statistics(["a"], ["a"]).metric.startswith("BLEU nrefs:1|case:mixed|eff:no|tok:13a|")
    assert chrf_statistics(["a"], ["a"]).metric.startswith("chrF nrefs:1|case:mixed|eff:yes|nc:6|nw:0|")


def test_unequal_or_no_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="no errors"):
        error_statistics([])
    for statistics in (bleu_statistics, chrf_statistics):
        with pytest.raises(ValueError, match="1 references but 0 hypotheses"):
            statistics(["a"], [])
