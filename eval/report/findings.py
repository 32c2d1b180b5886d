"""What a reader should know after ten seconds, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.eval.report import formats
from speech3n.eval.report.document import Report
from speech3n.eval.report.series import incomplete, main_systems, whole_set
from speech3n.eval.report.verdicts import NOTHING_SHOWN, Pairing, pairings
from speech3n.eval.sets.grouping import WHOLE_SET

_MOST_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """What something is about, and what was found: half a sentence without its full stop."""

    about: str
    text: str


def findings(report: Report) -> list[Finding]:
    """The system with the fewest word errors, who is better than whom, and what moved."""
    return [*_lowest(report), *_compared(report), *_moved(report)]


def _lowest(report: Report) -> list[Finding]:
    rates = [
        (whole.wer.value, series.label)
        for series, system in main_systems(report)
        if not incomplete(system) and (whole := whole_set(system)) is not None and whole.wer.value is not None
    ]
    if len(rates) < 2:
        return []
    lowest, label = min(rates)
    return [Finding("Lowest word error rate of all clips", f"{label}, {formats.percent(lowest)} %")]


def _compared(report: Report) -> list[Finding]:
    pairs = [pair for pair in pairings(report, report.comparisons) if "wer" in pair.metrics]
    if len(pairs) > 1 and not any(_differs(pair) for pair in pairs):
        return [Finding("Paired tests", f"{NOTHING_SHOWN} in word errors between any two systems")]
    return [Finding(f"{pair.candidate}, against {pair.baseline}", _outcomes(pair)) for pair in pairs[:_MOST_PAIRS]]


def _differs(pair: Pairing) -> bool:
    tally = pair.tally("wer")
    return bool(tally["better"] or tally["worse"])


def _outcomes(pair: Pairing) -> str:
    tally = {outcome: [name for name in names if name != WHOLE_SET] for outcome, names in pair.tally("wer").items()}
    whole = next((outcome for outcome, names in pair.tally("wer").items() if WHOLE_SET in names), None)
    by_language = _by_language(tally["better"], tally["worse"], tally["none"])
    if whole not in ("better", "worse") or sum(map(len, tally.values())) == 1:
        return by_language or f"{NOTHING_SHOWN} in word errors"
    over_all = f"{'fewer' if whole == 'better' else 'more'} word errors over all clips"
    return f"{over_all}; {by_language or f'{NOTHING_SHOWN} in any one language'}"


def _by_language(better: Sequence[str], worse: Sequence[str], none: Sequence[str]) -> str:
    """Empty where no language differs."""
    if not better and not worse:
        return ""
    parts = [f"fewer word errors in {_listed(better)}"] if better else []
    if worse:
        parts.append(f"more word errors in {_listed(worse)}")
    if none:
        parts.append(f"{NOTHING_SHOWN} in {_listed(none)}")
    return "; ".join(parts)


def _moved(report: Report) -> list[Finding]:
    if report.earlier is None:
        return []
    since = f"since {formats.moment(report.earlier.created)}"
    pairs = [pair for pair in pairings(report, report.earlier.moved) if "wer" in pair.metrics]
    moved = [pair for pair in pairs if _differs(pair)]
    if not moved:
        text = f"{NOTHING_SHOWN} in word errors" if pairs else "nothing can be compared"
        return [Finding(f"S{since[1:]}", text)]
    return [Finding(f"{pair.candidate}, {since}", _outcomes(pair)) for pair in moved[:_MOST_PAIRS]]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
