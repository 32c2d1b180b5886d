"""How far a score can be trusted: intervals and tests that draw the clips of a test set anew.

A score is one of many that other clips of the same kind would have given. The bootstrap (Efron and Tibshirani 1993,
An Introduction to the Bootstrap) draws as many clips as there are, with replacement, and looks at how the score
varies; Bisani and Ney 2004 (Bootstrap Estimates for Confidence Intervals in ASR Performance Evaluation) brought it to
word error rates, Koehn 2004 (Statistical Significance Tests for Machine Translation Evaluation) to BLEU. All clips
are taken as independent of each other: where speakers or recordings have many, intervals are too narrow (Liu and Peng
2020, Statistical Testing on ASR Performance via Blockwise Bootstrap).

With the same seed and number of resamples the clips drawn are those that sacrebleu draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speech3n.eval.measures.clip_statistics import Array, ClipStatistics

RESAMPLES = 1000
SEED = 12345
"""sacrebleu's."""

SIGNIFICANCE_LEVEL = 0.05
_FEWEST_RESAMPLES = 39
"""With fewer, 2.5 % of the resamples are less than one."""

_TAIL = 40
"""One part in so many lies on either side of a 95 % interval."""

_ENTRIES_AT_ONCE = 4_000_000
"""Resamples times clips in memory: about 100 MB."""

_ROUNDING = 1e-12
"""Differences nearer than this are equal."""

Method = Literal["paired bootstrap"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95 % interval, on the metric's own scale, and how the interval came about.

    `drawn_from` counts the clips. `resamples` is the number that the interval is
    from: draws of clips without any reference word have no error rate and are left out.
    """

    metric: str
    score: float
    low: float
    high: float
    drawn_from: int
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True)
class PairedTest:
    """How the score of a candidate differs from that of a baseline on the same clips, and whether by chance.

    `difference` is candidate minus baseline, `low` and `high` its 95 % interval, `p_value` two-sided.
    """

    metric: str
    method: Method
    difference: float
    low: float
    high: float
    p_value: float
    higher_is_better: bool
    drawn_from: int
    resamples: int
    seed: int

    @property
    def significant(self) -> bool:
        """Whether p is at most 0.05, which is where the interval leaves 0 out."""
        return self.p_value <= SIGNIFICANCE_LEVEL

    @property
    def better(self) -> Literal["baseline", "candidate"] | None:
        """The system that is significantly better; None where neither is."""
        if not self.significant:
            return None
        return "candidate" if (self.difference > 0) == self.higher_is_better else "baseline"


def bootstrap_interval(statistics: ClipStatistics, *, resamples: int = RESAMPLES, seed: int = SEED) -> Interval | None:
    """The 95 % percentile interval of a corpus score (Efron and Tibshirani 1993, chapter 13).

    None where nothing can be drawn: fewer than two clips, or no reference words in any. With a dozen clips or fewer
    percentile intervals are too narrow. Raises ValueError for fewer than 39 resamples.
    """
    _require_resamples(resamples)
    if len(statistics.counts) < 2 or np.isnan(statistics.score):
        return None
    (scores,) = _bootstrap_scores([statistics], resamples, seed)
    scores = scores[~np.isnan(scores)]
    low, high = _middle(scores)
    return Interval(
        statistics.metric, statistics.score, low, high, len(statistics.counts), resamples=len(scores), seed=seed
    )


def paired_bootstrap(
    baseline: ClipStatistics, candidate: ClipStatistics, *, resamples: int = RESAMPLES, seed: int = SEED
) -> PairedTest | None:
    """Draw the same clips for both systems and see how often the better one stays ahead (Koehn 2004).

    p = 2 (c + 1) / (R + 1), at most 1, where in c of R resamples the difference is 0 or has the other sign. Koehn's
    share is doubled as nobody said beforehand which system would win, and the ones keep p above 0 (Davison and
    Hinkley 1997, Bootstrap Methods and their Application, chapter 4). p is at most 0.05 exactly where the interval of
    the difference leaves 0 out. sacrebleu's p, from differences about their mean, is about half of this where one
    system is clearly ahead, and calls a system significantly different from itself.

    None where nothing can be drawn, as for `bootstrap_interval`. Raises ValueError for systems that were not scored on
    the same references in the same way, and for fewer than 39 resamples.
    """
    _require_resamples(resamples)
    _require_same_references(baseline, candidate)
    difference = candidate.score - baseline.score
    if len(baseline.counts) < 2 or np.isnan(difference):
        return None
    scores, candidate_scores = _bootstrap_scores([baseline, candidate], resamples, seed)
    differences = candidate_scores - scores
    differences = differences[~np.isnan(differences)]
    low, high = _middle(differences)
    against = min(np.sum(differences <= _ROUNDING), np.sum(differences >= -_ROUNDING))
    p_value = min(1.0, 2 * (int(against) + 1) / (len(differences) + 1))
    return PairedTest(
        metric=baseline.metric,
        method="paired bootstrap",
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        higher_is_better=baseline.higher_is_better,
        drawn_from=len(baseline.counts),
        resamples=len(differences),
        seed=seed,
    )


def _bootstrap_scores(systems: Sequence[ClipStatistics], resamples: int, seed: int) -> list[Array]:
    """Scores of the systems on resamples, the same clips for all: one array of shape [resamples] a system."""
    generator = np.random.default_rng(seed)
    units = len(systems[0].counts)
    portions: list[list[Array]] = [[] for _ in systems]
    for size in _portions(resamples, units):
        drawn = generator.choice(units, size=(size, units), replace=True)
        drawn += units * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        for system, portion in zip(systems, portions, strict=True):
            portion.append(system.formula(times @ system.counts))
    return [np.concatenate(portion) for portion in portions]


def _portions(resamples: int, units: int) -> Iterator[int]:
    """Numbers of resamples that fit into memory, together `resamples`."""
    at_once = max(1, _ENTRIES_AT_ONCE // units)
    for done in range(0, resamples, at_once):
        yield min(at_once, resamples - done)


def _middle(scores: Array) -> tuple[float, float]:
    """The bounds of the middle 95 %: the k-th lowest and highest, k = (R + 1) / 40 rounded down."""
    ordered = np.sort(scores)
    k = max(1, (len(ordered) + 1) // _TAIL)
    return float(ordered[k - 1]), float(ordered[-k])


def _require_resamples(resamples: int) -> None:
    if resamples < _FEWEST_RESAMPLES:
        raise ValueError(f"{resamples} resamples are too few for 95 %: at least {_FEWEST_RESAMPLES}")


def _require_same_references(baseline: ClipStatistics, candidate: ClipStatistics) -> None:
    if baseline.metric != candidate.metric:
        raise ValueError(f"two metrics cannot be compared: {baseline.metric} and {candidate.metric}")
    if len(baseline.counts) != len(candidate.counts):
        raise ValueError(f"{len(baseline.counts)} clips of the baseline but {len(candidate.counts)} of the candidate")
    columns = list(baseline.reference_columns)
    if not np.array_equal(baseline.counts[:, columns], candidate.counts[:, columns]):
        raise ValueError("the references differ: both systems need the same clips in the same order")
