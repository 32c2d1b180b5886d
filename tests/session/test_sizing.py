"""Sizes go down under lag that lasts, up under slack that lasts, and never back and forth quickly."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.session.sizing import SizeController, SizingLimits

SIZES = ("e2b", "e3b", "e4b")
LIMITS = SizingLimits()
GAPS = st.floats(0.05, 6.0)
LATE = st.floats(LIMITS.slow_lag_s + 0.01, 60.0)
SLACK = st.floats(0.0, LIMITS.spare_lag_s)


def changes(
    controller: SizeController, observations: list[tuple[float, float]], now_s: float = 0.0
) -> list[tuple[float, str]]:
    """When the size changed, and to what."""
    found = []
    for gap_s, lag_s in observations:
        now_s += gap_s
        before = controller.size
        changed = controller.observe(now_s, lag_s)
        assert changed == (controller.size != before)
        if changed:
            found.append((now_s, controller.size))
    return found


def settle_down(controller: SizeController) -> float:
    """Bring it to the smallest size; the time by then."""
    changes(controller, [(1.0, 9.0)] * 30)
    assert controller.size == SIZES[0]
    return 30.0


def test_it_begins_with_the_largest() -> None:
    assert SizeController(SIZES).size == "e4b"
    with pytest.raises(ValueError, match="no size"):
        SizeController(())


@settings(max_examples=300)
@given(st.lists(st.tuples(GAPS, st.floats(0.0, 5.0)), max_size=200))
def test_no_two_changes_are_close_and_the_way_up_is_slow(observations: list[tuple[float, float]]) -> None:
    found = changes(SizeController(SIZES), observations)
    places = [2, *[SIZES.index(size) for _, size in found]]
    assert all(abs(before - after) == 1 for before, after in itertools.pairwise(places))
    for (before_s, _), (after_s, _) in itertools.pairwise(found):
        assert after_s - before_s >= LIMITS.hold_s
    for (before_s, _), (after_s, after), before in zip(found, found[1:], places[1:], strict=False):
        if SIZES.index(after) > before:
            assert after_s - before_s >= LIMITS.up_after_s


@settings(max_examples=100)
@given(st.lists(st.tuples(GAPS, LATE), min_size=60, max_size=60))
def test_lag_that_lasts_leads_to_the_smallest_size(observations: list[tuple[float, float]]) -> None:
    controller = SizeController(SIZES)
    observations += [(1.0, 9.0)] * 20
    longest_gap_s = max(gap_s for gap_s, _ in observations)
    found = changes(controller, observations)
    assert controller.size == "e2b"
    assert [size for _, size in found] == ["e3b", "e2b"]
    # Two late texts a second apart for the first step; the hold time, or two more late texts, for each other.
    assert found[0][0] <= observations[0][0] + LIMITS.down_after_s + longest_gap_s
    assert found[1][0] <= found[0][0] + LIMITS.hold_s + 2 * longest_gap_s


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0.5, 6.0), SLACK), min_size=120, max_size=120))
def test_slack_that_lasts_leads_to_the_largest_size(observations: list[tuple[float, float]]) -> None:
    controller = SizeController(SIZES)
    start_s = settle_down(controller)
    found = changes(controller, observations, start_s)
    assert [size for _, size in found] == ["e3b", "e4b"]
    assert controller.size == "e4b"


def test_one_late_text_changes_nothing_and_neither_does_what_lies_between() -> None:
    controller = SizeController(SIZES)
    assert not changes(controller, [(5.0, 9.0), (5.0, 0.1)] * 20)
    assert not changes(controller, [(1.0, 1.0)] * 500, 1000.0)
    settle_down(controller)
    assert not changes(controller, [(1.0, 1.0)] * 500, 2000.0)


def test_slack_must_not_be_interrupted() -> None:
    controller = SizeController(SIZES)
    start_s = settle_down(controller)
    assert not changes(controller, [*[(1.0, 0.1)] * 14, (0.5, 0.9)] * 20, start_s)


def test_a_size_that_was_too_slow_waits_longer_each_time() -> None:
    """The smallest size has time to spare, and the next one never keeps up."""
    controller = SizeController(SIZES)
    now_s = settle_down(controller)
    waits: list[float] = []
    for _ in range(8):
        since_s = now_s
        while controller.size == "e2b":
            now_s += 1.0
            controller.observe(now_s, 0.2)
        waits.append(now_s - since_s)
        while controller.size != "e2b":
            now_s += 1.0
            controller.observe(now_s, 3.0)
    assert waits[0] < 20
    assert all(after >= before for before, after in itertools.pairwise(waits))
    assert waits[3] > 3 * waits[0]
    assert max(waits) <= LIMITS.longest_up_after_s + 2.0


def test_a_size_that_held_is_tried_again_soon() -> None:
    controller = SizeController(("e2b", "e4b"))
    now_s = 0.0
    for lag_s, size in ((3.0, "e2b"), (0.2, "e4b"), (3.0, "e2b"), (0.2, "e4b")):
        while controller.size != size:
            now_s += 1.0
            controller.observe(now_s, lag_s)
    # It held for minutes this time.
    changes(controller, [(1.0, 0.2)] * 300, now_s)
    now_s += 300
    changes(controller, [(1.0, 3.0)] * 3, now_s)
    assert controller.size == "e2b"
    found = changes(controller, [(1.0, 0.2)] * 20, now_s + 3)
    assert [size for _, size in found] == ["e4b"]
    assert found[0][0] <= now_s + 3 + LIMITS.up_after_s + 2


def test_one_size_never_changes() -> None:
    controller = SizeController(("whole",))
    assert not changes(controller, [(1.0, 9.0)] * 50 + [(1.0, 0.0)] * 500)
