"""How loud sound is: power, level in dB full scale, and what is loud enough to be speech, judged here alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

SILENCE_DB = -96.0
"""The level of digital silence: the step of 16-bit samples."""
_SPEECH_FLOOR_POWER = 10 ** (-66.0 / 10)
"""Frames below -66 dB hold no speech, whatever they sound like."""
_PAUSE_BELOW_PEAK = 10 ** (-35.0 / 10)
"""Frames 35 dB below the loudest of an utterance are the silence around the speech."""


def power(pcm: Waveform) -> NDArray[np.float64]:
    """The mean square of samples [..., T], 0 for none: [...]."""
    if not pcm.shape[-1]:
        return np.zeros(pcm.shape[:-1])
    return np.asarray(np.square(pcm, dtype=np.float64).mean(-1))


def level_db(pcm: Waveform) -> float:
    """RMS level of samples [T] in dB full scale; -96 for silence and for nothing."""
    return 10 * float(np.log10(max(float(power(pcm)), 10 ** (SILENCE_DB / 10))))


def may_be_speech(pcm: Waveform) -> bool:
    """Whether a frame [T] is loud enough to be speech."""
    return bool(power(pcm) >= _SPEECH_FLOOR_POWER)


class UtteranceLevels:
    """Where in a growing utterance there is sound, in frames of 160 ms."""

    def __init__(self) -> None:
        self._powers: list[float] = []
        self._rest: Waveform = np.zeros(0, np.float32)

    def append(self, pcm: Waveform) -> None:
        """Take more audio [T] of any length."""
        samples = np.concatenate([self._rest, pcm])
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._powers.extend(power(samples[:whole].reshape(-1, FRAME_SAMPLES)).tolist())
        self._rest = samples[whole:]

    def split(self, frames: int) -> UtteranceLevels:
        """Keep so many frames, and return what comes after them."""
        after = UtteranceLevels()
        after._powers, self._powers = self._powers[frames:], self._powers[:frames]
        after._rest, self._rest = self._rest, np.zeros(0, np.float32)
        return after

    @property
    def is_silent(self) -> bool:
        """Whether there are frames, and none of them is loud enough to be speech."""
        return bool(self._powers) and max(self._powers) < _SPEECH_FLOOR_POWER

    def speech(self) -> tuple[float, float]:
        """The first and the last second at which there is anything but silence."""
        frame_s = FRAME_SAMPLES / SAMPLE_RATE
        end = len(self._powers) * frame_s + len(self._rest) / SAMPLE_RATE
        floor = max(self._powers, default=0.0) * _PAUSE_BELOW_PEAK
        loud = [place for place, frame_power in enumerate(self._powers) if frame_power > floor]
        return (loud[0] * frame_s, min(end, (loud[-1] + 2) * frame_s)) if loud else (0.0, end)
