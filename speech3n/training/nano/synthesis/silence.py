"""Silence around synthetic speech: synthesisers leave any amount of it, clips have as much as they are to have."""

from __future__ import annotations

import numpy as np

from speech3n.types import SAMPLE_RATE, Waveform

_PEAK = 0.97
_QUIET = 0.01
"""Of the loudest 10 ms: what is softer, at either end, is not speech."""
_SLOT = SAMPLE_RATE // 100


def trim_silence(waveform: Waveform, before_s: float, after_s: float) -> Waveform:
    """The speech of a waveform [T] with so much silence around it, within full scale; empty where there is none."""
    slots = waveform[: len(waveform) // _SLOT * _SLOT].reshape(-1, _SLOT)
    level = np.sqrt(np.square(slots).mean(1)) if len(slots) else np.zeros(0)
    loud = np.flatnonzero(level > _QUIET * level.max(initial=0.0))
    if not len(loud):
        return np.zeros(0, np.float32)
    start, end = int(loud[0]) * _SLOT, (int(loud[-1]) + 1) * _SLOT
    before, after = round(before_s * SAMPLE_RATE), round(after_s * SAMPLE_RATE)
    padded = np.pad(waveform, (before, after))[start : end + before + after]
    peak = float(np.abs(padded).max())
    return padded * min(1.0, _PEAK / peak) if peak > 0 else padded
