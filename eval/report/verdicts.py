"""Paired tests in words: which of two systems is better, or that no difference was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from speech3n.eval.report import formats
from speech3n.eval.report.document import Comparison, Report, SystemReport
from speech3n.eval.report.series import CLEAN, LANGUAGE
from speech3n.eval.sets.grouping import WHOLE_SET

Outcome = Literal["better", "worse", "none"]

METRICS = {"wer": "WER, points", "wer_plain": "plain WER, points", "bleu": "BLEU"}
NOTHING_SHOWN = "no difference shown"
WORDS: Mapping[Outcome, str] = {"better": "better", "worse": "worse", "none": NOTHING_SHOWN}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a candidate did beside its baseline; rates in percentage points, BLEU on its own scale."""

    metric: str
    outcome: Outcome
    difference: str
    interval: str
    p_value: str

    @property
    def words(self) -> str:
        """The outcome as people say it."""
        return WORDS[self.outcome]


@dataclass(frozen=True, slots=True)
class Pairing:
    """All tests of one pair of systems: by group of clips, and there by metric."""

    baseline: str
    candidate: str
    metrics: tuple[str, ...]
    groups: Mapping[str, Mapping[str, Verdict]]

    def tally(self, metric: str) -> dict[Outcome, list[str]]:
        """The groups by outcome of a metric."""
        found: dict[Outcome, list[str]] = {"better": [], "worse": [], "none": []}
        for group, verdicts in self.groups.items():
            if metric in verdicts:
                found[verdicts[metric].outcome].append(group)
        return found


def verdict(comparison: Comparison) -> Verdict:
    """What a paired test says about its candidate."""
    test = comparison.test
    factor = 1.0 if comparison.metric == "bleu" else 100.0
    outcome: Outcome = "none" if test.better is None else "better" if test.better == "candidate" else "worse"
    return Verdict(
        comparison.metric,
        outcome,
        formats.signed(factor * test.difference),
        formats.interval(test.low, test.high, factor),
        formats.p_value(test.p_value),
    )


def pairings(
    report: Report, comparisons: Iterable[Comparison], *, names: Callable[[str], str] = formats.language
) -> list[Pairing]:
    """Comparisons put together by pair of systems, in their order; `names` names languages."""
    found: dict[tuple[str, str], dict[str, dict[str, Verdict]]] = {}
    for comparison in comparisons:
        pair = found.setdefault((comparison.baseline, comparison.candidate), {})
        group = pair.setdefault(group_name(comparison.field, comparison.value, names), {})
        group[comparison.metric] = verdict(comparison)
    systems = {system.id: system_name(system) for system in report.systems}
    return [
        Pairing(
            systems.get(baseline, baseline),
            systems.get(candidate, candidate),
            tuple(metric for metric in METRICS if any(metric in verdicts for verdicts in groups.values())),
            groups,
        )
        for (baseline, candidate), groups in found.items()
    ]


def system_name(system: SystemReport) -> str:
    """Name and mode, and the condition where it is not clean."""
    condition = "" if system.condition == CLEAN else f", {system.condition}"
    return f"{system.name}, {system.mode}{condition}"


def group_name(field: str, value: str, names: Callable[[str], str] = formats.language) -> str:
    """What a group of clips is called."""
    if field == WHOLE_SET:
        return WHOLE_SET
    if field == LANGUAGE:
        return names(value)
    return f"{field} {value or formats.MISSING}"
