"""The HTML page of a report: one file that asks for nothing from outside and runs no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from speech3n.eval.report import formats
from speech3n.eval.report.charts.dots import wer_by_condition, wer_by_language
from speech3n.eval.report.charts.histogram import delay_histograms
from speech3n.eval.report.charts.tradeoff import tradeoff
from speech3n.eval.report.details import detail_tables
from speech3n.eval.report.document import Report
from speech3n.eval.report.findings import findings
from speech3n.eval.report.notes import notes
from speech3n.eval.report.series import Series, committed, incomplete, main_systems, series_of, whole_set
from speech3n.eval.report.sweeps import false_text_table, robustness_table
from speech3n.eval.report.tables import quality_tables
from speech3n.eval.report.verdicts import METRICS, pairings, system_name
from speech3n.eval.report.worst import worst_clips

_MOST_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Card:
    """A system at a glance: its word error rate in percent with the bounds, and a few more facts."""

    series: Series
    wer: str
    bounds: str
    lacking: str
    facts: tuple[tuple[str, str], ...]


def render_page(report: Report, clip_audio: Mapping[str, Path]) -> str:
    """The page as text; `clip_audio` has the sound file of each clip by id."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("speech3n.eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(formats=formats, metrics=METRICS)
    sweeps = [table for table in (robustness_table(report), false_text_table(report)) if table]
    scores = [group.wer for system in report.systems for group in system.groups]
    return environment.get_template("page.html").render(
        report=report,
        series=series_of(report),
        cards=cards(report),
        findings=findings(report),
        lacking=[(system_name(system), incomplete(system)) for system in report.systems if incomplete(system)],
        failures=_failures(report),
        intervals=any(score.low is not None for score in scores),
        by_language=wer_by_language(report),
        by_condition=wer_by_condition(report),
        tradeoff=tradeoff(report),
        histograms=delay_histograms(report),
        tables=[*quality_tables(report), *sweeps],
        details=detail_tables(report),
        pairs=pairings(report, report.comparisons),
        moved=pairings(report, report.earlier.moved) if report.earlier else [],
        worst=worst_clips(report, clip_audio),
        notes=notes(report),
    )


def cards(report: Report) -> list[Card]:
    """A card for each system under the main condition."""
    found = []
    for series, system in main_systems(report):
        whole = whole_set(system)
        delay = committed(report, system, whole)
        facts = {
            "plain WER": formats.percent(whole.wer_plain.value if whole else None) + " %",
            "BLEU": formats.number(whole.bleu.value if whole and whole.bleu else None),
            "commit delay, median": formats.number(delay.median if delay else None, 2) + " s",
            "real-time factor": formats.number(whole.rtf if whole else None, 2),
            "peak memory": formats.number(system.peak_memory_mib, 0) + " MiB",
        }
        known = tuple((what, value) for what, value in facts.items() if not value.startswith(formats.MISSING))
        bounds = formats.interval(whole.wer.low, whole.wer.high, 100) if whole else ""
        wer = formats.percent(whole.wer.value if whole else None)
        found.append(Card(series, wer, bounds, incomplete(system), known))
    return found


def _failures(report: Report) -> list[tuple[str, str, str]]:
    """System, clip and reason of what has no output."""
    names = {system.id: system_name(system) for system in report.systems}
    return [
        (names.get(system, system), clip.id, reason)
        for clip in report.clips
        for system, reason in clip.failures.items()
    ][:_MOST_FAILURES]
