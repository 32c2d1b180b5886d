"""Runaway repetition, the commonest failure of autoregressive recognisers: found and cut, for any engine."""

from __future__ import annotations

from collections.abc import Sequence

from speech3n.decoding.policy import normalize_word
from speech3n.types import Word

# Longest run of the same phrase that speech is believed to hold, by phrase length in words. People do
# say "no, no, no, no" and sing a line three times; recognisers in a loop don't stop there.
_BELIEVABLE_REPEATS = {1: 5, 2: 4, 3: 4}
_BELIEVABLE_LONG_REPEATS = 3
_LONGEST_PHRASE = 40
_FASTEST_WORD_S = 0.1
"""Nobody says a phrase at ten words a second: a copy squeezed into less time was never said."""


def cut_repetition(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Leave out a loop at the end of `words`: too many repeats of a phrase, or a repeat there was no time to say."""
    keys = [normalize_word(word.text) for word in words]
    ends = [end for end in (loop_start(keys), _squeezed_repeat(words, keys)) if end is not None]
    return words[: min(ends)] if ends else words


def loop_start(keys: Sequence[str]) -> int | None:
    """Index from which `keys` are more repeats of one phrase than speech holds, or None.

    `keys` are words reduced to what counts as the same (see `policy.normalize_word`). What comes before the
    index is believable; what comes after it is not.
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


def _squeezed_repeat(words: Sequence[Word], keys: Sequence[str]) -> int | None:
    """Where a phrase of two words or more is repeated although one of the copies took next to no time."""
    for start in range(len(keys)):
        for period in range(2, min(_LONGEST_PHRASE, (len(keys) - start) // 2) + 1):
            middle, end = start + period, start + 2 * period
            if keys[start:middle] == keys[middle:end]:
                shortest_s = min(_duration_s(words[start:middle]), _duration_s(words[middle:end]))
                if shortest_s < _FASTEST_WORD_S * period:
                    return middle
    return None


def _duration_s(words: Sequence[Word]) -> float:
    return words[-1].end - words[0].start
