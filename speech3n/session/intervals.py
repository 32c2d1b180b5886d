"""Stretches of time [start, end), united and taken from each other."""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[float, float]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time in as few stretches as can be, in order."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((start, end))
    return found


def without(intervals: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """What of `intervals` lies in none of `others`, united and in order."""
    rest: list[Interval] = []
    taken = merged(others)
    first = 0
    for start, end in merged(intervals):
        while first < len(taken) and taken[first][1] <= start:
            first += 1
        place = first
        while place < len(taken) and taken[place][0] < end:
            if start < taken[place][0]:
                rest.append((start, taken[place][0]))
            start = max(start, taken[place][1])
            place += 1
        if start < end:
            rest.append((start, end))
    return rest
