"""Timing side by side: what is compared takes turns, so that good and bad times of the machine meet all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def in_turns(runs: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """The seconds of each run in each round, after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in runs]
    for round_number in range(rounds + 1):
        for taken, run in zip(seconds, runs, strict=True):
            started = time.perf_counter()
            run()
            if round_number:
                taken.append(time.perf_counter() - started)
    return seconds
