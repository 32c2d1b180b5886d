"""Sounds without speech in them, to see that no words are made of them: deterministic, endless, 16 kHz.

Levels are RMS in dB full scale, such as a microphone in a room gives.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

_SECOND = SAMPLE_RATE
_SEED = 3
_CHORDS = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
_BEATS_PER_S = 2
_DTMF = ((697.0, 1209.0), (770.0, 1336.0), (852.0, 1477.0), (941.0, 1336.0))


class GeneratedSource:
    """An AudioSource of `duration_s` seconds of one of the sounds in `SOUNDS`."""

    is_live = False

    def __init__(self, sound: str, duration_s: float) -> None:
        self.name = sound
        self.warnings: list[str] = []
        self.duration_s: float | None = duration_s
        self._seconds = SOUNDS[sound]

    def frames(self) -> Iterator[Waveform]:
        """Frames of 160 ms; the last one may be shorter."""
        assert self.duration_s is not None
        remaining = round(self.duration_s * SAMPLE_RATE)
        pending = np.zeros(0, dtype=np.float32)
        second = 0
        while remaining > 0:
            wanted = min(FRAME_SAMPLES, remaining)
            while len(pending) < wanted:
                pending = np.concatenate([pending, self._seconds(second)])
                second += 1
            yield pending[:wanted]
            pending = pending[wanted:]
            remaining -= wanted

    def close(self) -> None:
        """Nothing is held open."""


def digital_silence(second: int) -> Waveform:
    """Zeros."""
    return np.zeros(_SECOND, dtype=np.float32)


def quiet_noise(second: int) -> Waveform:
    """White noise at -60 dB: the hiss of a microphone in a quiet room."""
    return _level(_white(second), -60.0)


def white_noise(second: int) -> Waveform:
    """White noise at -30 dB."""
    return _level(_white(second), -30.0)


def pink_noise(second: int) -> Waveform:
    """Noise that falls by 3 dB an octave, at -30 dB: rain, fans, traffic."""
    spectrum = np.fft.rfft(_white(second))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0.0
    return _level(np.fft.irfft(spectrum, _SECOND), -30.0)


def tones(second: int) -> Waveform:
    """Telephone tones at -20 dB: a dial tone for 5 s, then a key of the number pad every second."""
    time = np.arange(_SECOND) / SAMPLE_RATE
    if second % 10 < 5:
        return _level(_sines((350.0, 440.0), time + second), -20.0)
    return _level(_sines(_DTMF[second % 4], time) * (time % 1.0 < 0.5), -20.0)


def music(second: int) -> Waveform:
    """Chords that are struck and die away, a bass, and a drum on every beat, at -20 dB."""
    beat_length = _SECOND // _BEATS_PER_S
    time = np.arange(beat_length) / SAMPLE_RATE
    chord = _CHORDS[second // 2 % len(_CHORDS)]
    generator = np.random.default_rng([_SEED, second])
    beats = []
    for _ in range(_BEATS_PER_S):
        notes = sum(_sines([note * harmonic for note in chord], time) / harmonic for harmonic in (1, 2, 3))
        strings = notes * np.minimum(time / 0.01, 1.0) * np.exp(-3.0 * time)
        bass = 2.0 * np.sin(2 * np.pi * chord[0] / 4 * time) * np.exp(-2.0 * time)
        drum = 3.0 * generator.standard_normal(beat_length) * np.exp(-60.0 * time)
        beats.append(strings + bass + drum)
    return _level(np.concatenate(beats), -20.0)


SOUNDS = {
    "silence": digital_silence,
    "quiet noise": quiet_noise,
    "white noise": white_noise,
    "pink noise": pink_noise,
    "tones": tones,
    "music": music,
}
"""Name to a function from the number of the second to its samples, shape [16000]."""


def _white(second: int) -> NDArray[np.float64]:
    return np.random.default_rng([_SEED, second]).standard_normal(_SECOND)


def _sines(frequencies: tuple[float, ...] | list[float], time: NDArray[np.float64]) -> NDArray[np.float64]:
    waves: NDArray[np.float64] = np.sin(2 * np.pi * np.outer(frequencies, time))
    mixed: NDArray[np.float64] = waves.sum(axis=0)
    return mixed


def _level(samples: NDArray[np.float64], level_db: float) -> Waveform:
    rms = np.sqrt(np.square(samples).mean())
    return np.asarray(samples * (10 ** (level_db / 20) / rms), dtype=np.float32)
