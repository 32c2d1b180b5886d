"""Sufficient statistics: the counts of each clip from which the score of any selection of clips follows.

A corpus score is a formula over sums of counts, so that a resample costs a sum and not a new scoring. The formulas
here take many sums at once; each is held to sacrebleu or to `ErrorCounts.rate` by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from speech3n.eval.measures.bleu import require_pairs
from speech3n.eval.measures.wer import ErrorCounts, total_errors

Array = NDArray[np.float64]

_BLEU_ORDER = 4
_CHRF_BETA = 2


@dataclass(frozen=True, slots=True, eq=False)
class ClipStatistics:
    """Counts, shape [clips, K], and the formula from sums of them, shape [N, K], to N scores.

    The formula gives NaN where a score is undefined. `metric` names the score with its settings; the columns
    `reference_columns` depend on the references alone, and so must agree between two systems.
    """

    metric: str
    higher_is_better: bool
    counts: Array
    formula: Callable[[Array], Array]
    reference_columns: tuple[int, ...]

    @property
    def score(self) -> float:
        """The corpus score of all clips; NaN where it is undefined."""
        return float(self.formula(self.counts.sum(axis=0, keepdims=True))[0])


def error_statistics(errors: Sequence[ErrorCounts], name: str = "WER") -> ClipStatistics:
    """Edits and reference lengths of clips; `name` says what was counted, `WER` or `CER`.

    The score is the rate of `ErrorCounts`, undefined where there are no reference words. Raises ValueError for no
    clips.
    """
    normaliser = total_errors(errors).normaliser
    counts = np.array([[clip.edits, clip.reference_length] for clip in errors], dtype=np.float64)
    return ClipStatistics(f"{name}, {normaliser}", False, counts, _error_rate, reference_columns=(1,))


def bleu_statistics(references: Sequence[str], hypotheses: Sequence[str]) -> ClipStatistics:
    """N-gram counts of BLEU, as `translation_score` has it; raises ValueError for none or for unequal counts."""
    from sacrebleu.metrics.bleu import BLEU

    require_pairs(references, hypotheses)
    metric = BLEU(max_ngram_order=_BLEU_ORDER)
    # sacrebleu's own statistics have no public name; they are what its significance tests run on.
    counts = metric._extract_corpus_statistics(list(hypotheses), [list(references)])
    label = f"BLEU {metric.get_signature()}"
    return ClipStatistics(label, True, np.array(counts, dtype=np.float64), _bleu, reference_columns=(1,))


def chrf_statistics(references: Sequence[str], hypotheses: Sequence[str]) -> ClipStatistics:
    """N-gram counts of chrF; raises ValueError as `bleu_statistics` does."""
    from sacrebleu.metrics.chrf import CHRF

    require_pairs(references, hypotheses)
    metric = CHRF(beta=_CHRF_BETA)
    counts = metric._extract_corpus_statistics(list(hypotheses), [list(references)])
    label = f"chrF {metric.get_signature()}"
    reference_columns = tuple(range(1, 3 * metric.order, 3))
    formula = partial(_chrf, beta=_CHRF_BETA)
    return ClipStatistics(label, True, np.array(counts, dtype=np.float64), formula, reference_columns)


def _error_rate(sums: Array) -> Array:
    """(S + D + I) / N from columns edits, N."""
    return _ratio(sums[:, 0], sums[:, 1], otherwise=np.nan)


def _bleu(sums: Array) -> Array:
    """BLEU (Papineni et al. 2002) from columns hypothesis and reference length, matches and totals by order.

    BP * exp(mean of log p_n), BP = min(1, exp(1 - r / c)). As in mteval-v13a, the k-th order without a match has
    the precision 1 / (2^k total); without any match, or too short for the highest order, the score is 0.
    """
    hypothesis, reference = sums[:, 0], sums[:, 1]
    matches, totals = sums[:, 2 : 2 + _BLEU_ORDER], sums[:, 2 + _BLEU_ORDER :]
    defined = (totals > 0).all(axis=1) & (matches > 0).any(axis=1)
    smoothed = np.where(matches > 0, matches, 0.5 ** np.cumsum(matches == 0, axis=1))
    log_precisions = np.log(_ratio(smoothed, totals, otherwise=1.0)).mean(axis=1)
    log_penalty = np.minimum(0.0, 1.0 - _ratio(reference, hypothesis, otherwise=1.0))
    return np.where(defined, 100.0 * np.exp(log_penalty + log_precisions), 0.0)


def _chrf(sums: Array, beta: int) -> Array:
    """chrF (Popović 2015) from columns of hypothesis, reference and matching n-grams, three to an order.

    (1 + b^2) P R / (b^2 P + R), with precision and recall averaged over the orders that both texts have.
    """
    hypothesis, reference, matches = (sums[:, column::3] for column in range(3))
    counted = (hypothesis > 0) & (reference > 0)
    orders = counted.sum(axis=1).astype(np.float64)
    precision = _ratio(np.where(counted, _ratio(matches, hypothesis), 0.0).sum(axis=1), orders)
    recall = _ratio(np.where(counted, _ratio(matches, reference), 0.0).sum(axis=1), orders)
    return 100.0 * _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def _ratio(numerators: Array, denominators: Array, otherwise: float = 0.0) -> Array:
    """Quotients, and `otherwise` where the denominator is 0."""
    return np.divide(numerators, denominators, out=np.full_like(denominators, otherwise), where=denominators > 0)
