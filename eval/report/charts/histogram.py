"""How the commit delays of words are spread, a histogram for each streaming system over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech3n.eval.measures.latency import Distribution, distribution
from speech3n.eval.report.charts.axis import Axis, Tick, axis_for
from speech3n.eval.report.document import Report
from speech3n.eval.report.series import Series, commit_delays, main_systems

HEIGHT_PX = 104
_BINS_PER_STEP = 5
_SHOWN_PERCENTILE = 99.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin: its left edge and width in percent, its height in pixels, and what it says."""

    x: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """The delays of one system; `median` and `p95` are places in percent, `beyond` counts words off the chart."""

    series: Series
    bars: tuple[Bar, ...]
    delays: Distribution
    median: float
    p95: float
    beyond: int
    limit: str


@dataclass(frozen=True, slots=True)
class Histograms:
    """All histograms and their axis."""

    systems: tuple[Histogram, ...]
    ticks: tuple[Tick, ...]
    height: int = HEIGHT_PX


def delay_histograms(report: Report) -> Histograms | None:
    """The histograms, up to the largest 99th percentile; None where no word has a delay."""
    samples = [(series, delays) for series, system in main_systems(report) if (delays := commit_delays(report, system))]
    if not samples:
        return None
    axis = axis_for(float(np.percentile(delays, _SHOWN_PERCENTILE)) for _, delays in samples)
    return Histograms(tuple(_histogram(series, delays, axis) for series, delays in samples), axis.ticks)


def _histogram(series: Series, delays: Sequence[float], axis: Axis) -> Histogram:
    bins = round(axis.maximum / axis.step) * _BINS_PER_STEP
    # A word can be committed before its end, by the recogniser's own times: such delays count as none.
    counts, edges = np.histogram(np.maximum(delays, 0.0), bins=bins, range=(0.0, axis.maximum))
    tallest = max(1, int(counts.max()))
    bars = tuple(
        Bar(
            axis.at(float(left)),
            round(100 / bins, 3),
            round(HEIGHT_PX * int(count) / tallest, 1),
            f"{left:g} to {right:g} s: {100 * int(count) / len(delays):.1f} % of words",
        )
        for count, left, right in zip(counts, np.round(edges[:-1], 3), np.round(edges[1:], 3), strict=True)
        if count
    )
    found = distribution(delays)
    beyond = sum(delay > axis.maximum for delay in delays)
    return Histogram(series, bars, found, axis.at(found.median), axis.at(found.p95), beyond, f"{axis.maximum:g}")
