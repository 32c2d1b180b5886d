"""How loud the speech of a recording is, pauses left out: the active speech level of ITU-T P.56."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.acoustics.filters import convolve
from speech3n.types import SAMPLE_RATE, Waveform

_SMOOTHING_S = 0.03
_HANGOVER_S = 0.2
_MARGIN_DB = 15.9
_THRESHOLDS = 16


def active_speech_level_db(pcm: Waveform) -> float | None:
    """Level of the speech in [T] in dB full scale (RMS); None for silence and for nothing.

    ITU-T P.56 (12/2011), method B: the rectified signal is smoothed twice with a time constant of 30 ms; for each
    of a series of thresholds, a factor of two apart, the time above it and 200 ms after counts as active; the
    level is the energy over the active time at the threshold that lies 15.9 dB below that very level, found by
    interpolation. Unlike in P.56, the highest threshold is the peak of the smoothed signal instead of half of full
    scale: a recording that is 7 dB louder so has a level that is exactly 7 dB higher.
    """
    energy = float(np.square(pcm, dtype=np.float64).sum())
    if energy <= 0.0:
        return None
    envelope = _envelope(pcm)
    # From the lowest threshold up: at the highest, what is active may be a few samples at the end of the clip.
    levels = [_level(energy, envelope, envelope.max() * 0.5**power) for power in reversed(range(_THRESHOLDS))]
    for (low_db, low_margin_db), (high_db, high_margin_db) in pairwise(levels):
        if high_margin_db <= _MARGIN_DB:
            share = (low_margin_db - _MARGIN_DB) / (low_margin_db - high_margin_db)
            return low_db + share * (high_db - low_db)
    # A click: its level stays far above what is left of it when it is smoothed.
    return levels[0][0]


def _level(energy: float, envelope: NDArray[np.float64], threshold: float) -> tuple[float, float]:
    """The level of what is active at a threshold, and how far it lies above the threshold, in dB."""
    level_db = 10 * math.log10(energy / _active_samples(envelope >= threshold))
    return level_db, level_db - 20 * math.log10(threshold)


def _envelope(pcm: Waveform) -> NDArray[np.float64]:
    decay = np.exp(-1 / (_SMOOTHING_S * SAMPLE_RATE))
    age = np.arange(round(20 * _SMOOTHING_S * SAMPLE_RATE))
    twice = (1 - decay) ** 2 * (age + 1) * decay**age
    return convolve(np.abs(pcm), twice)


def _active_samples(is_above: NDArray[np.bool_]) -> int:
    position = np.arange(len(is_above))
    hangover = round(_HANGOVER_S * SAMPLE_RATE)
    latest = np.maximum.accumulate(np.where(is_above, position, -hangover - 1))
    return int(np.count_nonzero(position - latest <= hangover))
