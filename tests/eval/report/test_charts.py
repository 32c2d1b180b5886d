import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.eval.report.charts.axis import axis_for
from speech3n.eval.report.charts.dots import wer_by_condition, wer_by_language
from speech3n.eval.report.charts.histogram import delay_histograms
from speech3n.eval.report.charts.tradeoff import tradeoff
from tests.eval.report.sample import STREAMING, sample_report


@given(st.lists(st.floats(1e-3, 1e6), min_size=1))
def test_an_axis_holds_all_values_in_a_few_round_steps(values: list[float]) -> None:
    axis = axis_for(values)
    assert axis.maximum >= max(values) * (1 - 1e-6)
    assert 3 <= len(axis.ticks) <= 7
    assert axis.ticks[0].at == 0
    assert axis.ticks[-1].at == 100
    assert max(values) > axis.maximum / 3


def test_an_axis_of_nothing_is_an_axis() -> None:
    assert axis_for([None, float("nan"), float("inf")]).at(0.5) == 50
    assert [tick.text for tick in axis_for([22.2]).ticks] == ["0", "5", "10", "15", "20", "25"]


def test_dots_lie_at_their_rates_and_whiskers_at_their_bounds() -> None:
    plot = wer_by_language(sample_report())
    assert plot is not None
    assert [row.label for row in plot.rows] == ["English", "Spanish"]
    dot = plot.rows[1].dots[0]
    assert plot.ticks[-1].text == "40"
    assert (dot.x, dot.low, dot.high) == (62.5, 50.0, 76.0)
    assert (dot.value, dot.bounds) == ("25.0", "20.0–30.4")
    assert [entry.series.index for entry in plot.rows[0].dots] == [0, 1, 2]


def test_conditions_are_rows_and_have_whiskers_only_where_there_are_intervals() -> None:
    plot = wer_by_condition(sample_report())
    assert plot is not None
    assert [row.label for row in plot.rows] == ["clean", "noise:white:10"]
    (noisy,) = plot.rows[1].dots
    assert (noisy.value, noisy.low, noisy.high) == ("40.0", None, None)


def test_live_systems_lie_at_their_delay_and_the_others_in_the_margin() -> None:
    chart = tradeoff(sample_report())
    assert chart is not None
    assert {point.series.mode for point in chart.points} == {"streaming"}
    assert {(point.series.name, point.language) for point in chart.margin} == {
        ("base", "en"), ("base", "es"), ("peer", "en")
    }  # fmt: skip
    english, spanish = chart.points
    assert english.x == spanish.x == 100 * 1.25 / float(chart.x_ticks[-1].text)
    assert english.y > spanish.y, "fewer errors lie lower"


def test_labels_of_marks_at_one_place_keep_apart() -> None:
    report = sample_report()
    live = report.systems[1]
    twin = dataclasses.replace(live, id="twin", name="twin")
    chart = tradeoff(dataclasses.replace(report, systems=(live, twin)))
    assert chart is not None
    labels = [(point.language, point.label) for point in chart.points]
    assert len(set(labels)) == len(labels) == 4


def test_bars_count_all_words_on_the_chart() -> None:
    charts = delay_histograms(sample_report())
    assert charts is not None
    (chart,) = charts.systems
    assert chart.series.mode == "streaming"
    assert chart.delays.median == 1.0
    assert chart.median == pytest.approx(100 / float(charts.ticks[-1].text), abs=0.01)
    assert max(bar.height for bar in chart.bars) == charts.height
    shares = [float(bar.text.split(": ")[1].split()[0]) for bar in chart.bars]
    assert sum(shares) == pytest.approx(100 * (5 - chart.beyond) / 5)


def test_words_off_the_chart_are_counted() -> None:
    report = sample_report()
    clip = report.clips[0]
    live = dataclasses.replace(clip.outputs[STREAMING], commit_delays_s=(1.0,) * 999 + (60.0,))
    late = dataclasses.replace(clip, outputs={**clip.outputs, STREAMING: live})
    charts = delay_histograms(dataclasses.replace(report, clips=(late,)))
    assert charts is not None
    assert charts.systems[0].beyond == 1
    assert charts.systems[0].delays.maximum == 60.0
