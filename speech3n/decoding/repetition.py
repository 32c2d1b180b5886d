"""Runaway repetition, the commonest failure of autoregressive recognisers: found and cut, for any engine."""

from __future__ import annotations

from collections.abc import Sequence

# Longest run of the same phrase that speech is believed to hold, by phrase length in words. People do
# say "no, no, no, no" and sing a line three times; recognisers in a loop don't stop there.
_BELIEVABLE_REPEATS = {1: 5, 2: 4, 3: 4}
_BELIEVABLE_LONG_REPEATS = 3
_LONGEST_PHRASE = 40


def loop_start(keys: Sequence[str]) -> int | None:
    """Index from which `keys` are more repeats of one phrase than speech holds, or None.

    `keys` are words reduced to what counts as the same (see `policy.comparable`). Everything before the
    index is believable; the words after it are the loop.
    """
    for start in range(len(keys)):
        for period in range(1, min(_LONGEST_PHRASE, (len(keys) - start) // 2) + 1):
            believable = _BELIEVABLE_REPEATS.get(period, _BELIEVABLE_LONG_REPEATS)
            if _repeats(keys, start, period) > believable:
                return start + period * believable
    return None


def _repeats(keys: Sequence[str], start: int, period: int) -> int:
    phrase = keys[start : start + period]
    count = 1
    while keys[start + count * period : start + (count + 1) * period] == phrase:
        count += 1
    return count
