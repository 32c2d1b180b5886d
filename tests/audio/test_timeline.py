"""Time stamps made into silence, and those that lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.audio.timeline import Timeline


def play(timeline: Timeline, stamps: list[float | None], length_s: float = 0.02) -> list[float]:
    """Return the silence put before each piece of sound."""
    gaps = []
    for stamp in stamps:
        gap_s = timeline.gap_before(stamp)
        timeline.advance(gap_s + length_s)
        gaps.append(round(gap_s, 6))
    return gaps


def test_a_late_start_and_a_hole_are_silence() -> None:
    assert play(Timeline(0.0, 10.0), [1.5, 1.52, 1.54, 3.0, 3.02]) == [1.5, 0, 0, 1.44, 0]


def test_time_stamps_may_begin_anywhere() -> None:
    assert play(Timeline(93_600.0, 10.0), [93_600.0, 93_600.02]) == [0, 0]
    assert play(Timeline(None, 10.0), [93_600.0, 93_600.02, 93_601.04]) == [0, 0, 1.0]


@given(st.lists(st.floats(-0.04, 0.04), max_size=200))
def test_jitter_adds_nothing(jitter: list[float]) -> None:
    stamps: list[float | None] = [0.02 * number + late for number, late in enumerate(jitter)]
    assert not any(play(Timeline(0.0, 10.0), stamps))


def test_slow_drift_is_kept_up_with() -> None:
    stamps: list[float | None] = [0.0201 * number for number in range(1_000)]
    timeline = Timeline(0.0, 30.0)
    play(timeline, stamps)
    assert timeline.position_s == pytest.approx(20.1, abs=0.08)


def test_a_gap_beyond_the_end_is_not_believed_and_time_goes_on_from_there() -> None:
    assert play(Timeline(0.0, 10.0), [0.0, 5_000.0, 5_000.02, 5_001.04]) == [0, 0, 0, 1.0]


def test_without_a_known_end_ten_minutes_are_the_most() -> None:
    assert play(Timeline(0.0, None), [0.0, 500.0]) == [0, pytest.approx(499.98)]
    assert play(Timeline(0.0, None), [0.0, 700.0, 700.02]) == [0, 0, 0]


def test_time_that_runs_backwards_is_not_believed() -> None:
    stamps = [0.0, 0.02, 0.04, -7.0, -6.98, -5.96]
    assert play(Timeline(0.0, 10.0), stamps) == [0, 0, 0, 0, 0, 1.0]


def test_sound_without_time_stamps_has_no_gaps() -> None:
    assert play(Timeline(None, None), [None, None]) == [0, 0]


@given(
    st.lists(st.none() | st.floats(-1e9, 1e9, allow_nan=False), max_size=50),
    st.none() | st.floats(0.1, 1e4),
    st.none() | st.floats(-1e6, 1e6),
)
def test_lies_never_add_more_than_the_file_is_long(
    stamps: list[float | None], duration_s: float | None, origin_s: float | None
) -> None:
    timeline = Timeline(origin_s, duration_s)
    gaps = play(timeline, stamps)
    assert all(gap_s >= 0 for gap_s in gaps)
    if duration_s is not None:
        assert sum(gaps) <= duration_s + 1e-3
    else:
        assert all(gap_s <= 600 for gap_s in gaps)
