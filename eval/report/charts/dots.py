"""Dots with whiskers: an error rate by language or condition, one dot a system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.eval.report import formats
from speech3n.eval.report.charts.axis import Tick, axis_for
from speech3n.eval.report.document import Report, Score, SystemReport
from speech3n.eval.report.series import (
    LANGUAGE,
    Series,
    conditions_of,
    languages_of,
    main_systems,
    series_of,
    whole_set,
)

_ROW_PX = 22
_MARGIN_PX = 5


@dataclass(frozen=True, slots=True)
class Dot:
    """A score: places in percent of the width, `low` and `high` None without an interval; `y` in pixels."""

    series: Series
    x: float
    low: float | None
    high: float | None
    y: int
    value: str
    bounds: str


@dataclass(frozen=True, slots=True)
class DotRow:
    """The dots of one language or condition."""

    label: str
    detail: str
    dots: tuple[Dot, ...]
    height: int


@dataclass(frozen=True, slots=True)
class DotPlot:
    """Rows over one axis."""

    rows: tuple[DotRow, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    label: str
    detail: str
    scores: tuple[tuple[Series, Score], ...]


def wer_by_language(report: Report) -> DotPlot | None:
    """The word error rates of all languages; None where nothing was scored."""
    systems = main_systems(report)
    entries = []
    for language in languages_of(report):
        groups = [(series, system.group(LANGUAGE, language)) for series, system in systems]
        clips = max((group.clips for _, group in groups if group is not None), default=0)
        scores = tuple((series, group.wer) for series, group in groups if group is not None)
        entries.append(_Entry(formats.language(language), formats.plural(clips, "clip"), scores))
    return _plot(entries)


def wer_by_condition(report: Report) -> DotPlot | None:
    """The word error rates of the whole set under each condition; None where there is one condition only."""
    conditions = conditions_of(report)
    if len(conditions) < 2:
        return None
    return _plot([_Entry(condition, "", tuple(_scores(report, condition))) for condition in conditions])


def _scores(report: Report, condition: str) -> list[tuple[Series, Score]]:
    systems: list[tuple[Series, SystemReport | None]] = [(one, one.systems.get(condition)) for one in series_of(report)]
    wholes = [(series, whole_set(system)) for series, system in systems if system is not None]
    return [(series, whole.wer) for series, whole in wholes if whole is not None]


def _plot(entries: Sequence[_Entry]) -> DotPlot | None:
    scores = [score for entry in entries for _, score in entry.scores]
    if all(score.value is None for score in scores):
        return None
    values = [bound for score in scores for bound in (score.value, score.high)]
    axis = axis_for(None if value is None else 100 * value for value in values)
    rows = []
    for entry in entries:
        dots: list[Dot] = []
        for series, score in entry.scores:
            if score.value is None:
                continue
            value, low, high = (None if part is None else axis.at(100 * part) for part in _parts(score))
            y = _MARGIN_PX + _ROW_PX * len(dots) + _ROW_PX // 2
            bounds = formats.interval(score.low, score.high, 100)
            dots.append(Dot(series, value or 0.0, low, high, y, formats.percent(score.value), bounds))
        rows.append(DotRow(entry.label, entry.detail, tuple(dots), 2 * _MARGIN_PX + _ROW_PX * max(1, len(dots))))
    return DotPlot(tuple(rows), axis.ticks)


def _parts(score: Score) -> tuple[float | None, float | None, float | None]:
    return score.value, score.low, score.high
