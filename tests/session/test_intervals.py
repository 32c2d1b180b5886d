"""Stretches of time are united and taken from each other, many of them, too."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from speech3n.session.intervals import Interval, merged, without

intervals = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda ends: (min(ends), max(ends))))


def seconds(found: list[Interval]) -> set[int]:
    return {second for start, end in found for second in range(int(start), int(end))}


@given(intervals, intervals)
def test_what_is_left_lies_in_none_of_the_others(some: list[Interval], others: list[Interval]) -> None:
    left = without(some, others)
    assert seconds(left) == seconds(some) - seconds(others)
    assert left == sorted(left)
    assert all(start < end for start, end in left)


@given(intervals)
def test_the_same_time_in_as_few_stretches_as_can_be(some: list[Interval]) -> None:
    found = merged(some)
    assert seconds(found) == seconds(some)
    assert all(before[1] < after[0] for before, after in pairwise(found))


def test_a_day_of_segments_is_taken_from_a_day_in_one_sweep() -> None:
    class Counted(float):
        compared = 0

        def __lt__(self, other: float) -> bool:
            Counted.compared += 1
            return float(self) < other

        def __gt__(self, other: float) -> bool:
            Counted.compared += 1
            return float(self) > other

    segments = [(Counted(4 * second), Counted(4 * second + 3)) for second in range(2_000)]
    left = without([(Counted(0), Counted(8_000))], segments)
    assert len(left) == 2_000
    assert Counted.compared < 40_000
