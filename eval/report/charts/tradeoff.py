"""Quality against latency: word error rate over commit delay, a mark for each system and language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from speech3n.eval.report.charts.axis import Axis, Tick, axis_for
from speech3n.eval.report.document import Report
from speech3n.eval.report.series import LANGUAGE, Series, languages_of, main_systems

HEIGHT_PX = 340
LANE_PX = 52
_LABEL_PX = (18, 13)
_NARROW_PX = 220
"""The width of the chart on a phone: labels that keep apart there do so everywhere."""

_LANE_MARK_PX = 12
_OFFSETS: dict[Literal["right", "left", "above", "below"], tuple[int, int]] = {
    "right": (18, 0),
    "left": (-18, 0),
    "above": (0, -14),
    "below": (0, 14),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A system in a language; `x` in percent of the width, or in pixels of the margin for those without a delay."""

    series: Series
    language: str
    x: float
    y: float
    label: Literal["right", "left", "above", "below"]
    label_y: float


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """The points with a delay, those in the margin, and the axes; places of `y_ticks` in percent from the bottom."""

    points: tuple[Point, ...]
    margin: tuple[Point, ...]
    margin_px: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    height: int = HEIGHT_PX


@dataclass(frozen=True, slots=True)
class _Measured:
    series: Series
    language: str
    wer: float
    delay: float | None


def tradeoff(report: Report) -> Tradeoff | None:
    """The chart; None where no system has delays, or there is nothing to compare."""
    measured = list(_measured(report))
    if len(measured) < 2 or all(one.delay is None for one in measured):
        return None
    across = axis_for(one.delay for one in measured)
    up = axis_for(one.wer for one in measured)
    margin = _margin([one for one in measured if one.delay is None], up)
    lanes = len({point.series.index for point in margin})
    return Tradeoff(_points(measured, across, up), margin, lanes * LANE_PX, across.ticks, up.ticks)


def _measured(report: Report) -> Iterator[_Measured]:
    for series, system in main_systems(report):
        for language in languages_of(report):
            group = system.group(LANGUAGE, language)
            if group is None or group.wer.value is None:
                continue
            delay = group.delays.source.committed.aware if group.delays else None
            yield _Measured(series, language, 100 * group.wer.value, delay.median if delay else None)


def _points(measured: Sequence[_Measured], across: Axis, up: Axis) -> tuple[Point, ...]:
    marks = [(across.at(one.delay), _y(up, one.wer), one) for one in measured if one.delay is not None]
    taken = [(x * _NARROW_PX / 100, y) for x, y, _ in marks]
    points = []
    for x, y, one in marks:
        label = _free_side(x * _NARROW_PX / 100, y, taken)
        offset_x, offset_y = _OFFSETS[label]
        taken.append((x * _NARROW_PX / 100 + offset_x, y + offset_y))
        points.append(Point(one.series, one.language, x, y, label, y + offset_y))
    return tuple(points)


def _free_side(x: float, y: float, taken: Sequence[tuple[float, float]]) -> Literal["right", "left", "above", "below"]:
    """The side of a mark at which its label lies on nothing; to the right where none is free."""
    width, height = _LABEL_PX
    for side, (offset_x, offset_y) in _OFFSETS.items():
        if all(abs(x + offset_x - a) >= width or abs(y + offset_y - b) >= height for a, b in taken):
            return side
    return "right"


def _margin(measured: Sequence[_Measured], up: Axis) -> tuple[Point, ...]:
    """A lane for each system, its labels pushed apart from the top down."""
    lanes = list(dict.fromkeys(one.series.index for one in measured))
    points = []
    for lane, index in enumerate(lanes):
        lowest = float("-inf")
        for one in sorted((one for one in measured if one.series.index == index), key=lambda one: -one.wer):
            y = _y(up, one.wer)
            lowest = max(y, lowest + _LABEL_PX[1])
            points.append(Point(one.series, one.language, lane * LANE_PX + _LANE_MARK_PX, y, "right", lowest))
    return tuple(points)


def _y(up: Axis, wer: float) -> float:
    return round(HEIGHT_PX * (1 - up.at(wer) / 100), 1)
