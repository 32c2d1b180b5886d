"""Clips as they might be heard elsewhere: another voice, room, line, level, and other sounds around.

Works on the waveform, once, before features are kept; what is cheap on features is done on them in each pass
(`feature_changes`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr

from speech3n.audio.acoustics.codec import CODECS, through_codec
from speech3n.audio.acoustics.filters import Samples, band_pass, convolve
from speech3n.audio.acoustics.reverberation import room_response
from speech3n.audio.acoustics.telephone import telephone_line
from speech3n.types import SAMPLE_RATE, Waveform

_RESAMPLED = (0.88, 1.14)
"""Speed and pitch together, as factors."""
_RT60_S = (0.15, 0.9)
_DIRECT = (1.0, 4.0)
"""How much louder than in `room_response` the direct sound is: from a distance to close by."""
_SNR_DB = (3.0, 35.0)
_SLOPE = 2.2
_VOICES = (2, 6)
_TAPS = 201


def altered(waveform: Waveform, others: Sequence[Waveform], random: np.random.Generator) -> Waveform:
    """The clip [T] under changes drawn at random, about as long; `others` are clips that babble is made of."""
    sound = waveform.astype(np.float64)
    if random.random() < 0.7:
        sound = _resampled(sound, random.uniform(*_RESAMPLED))
    if random.random() < 0.5:
        sound = _in_a_room(sound, random)
    if random.random() < 0.75:
        noise = _babble(len(sound), others, random) if random.random() < 0.35 else _coloured(len(sound), random)
        sound = _mixed(sound, noise, random.uniform(*_SNR_DB))
    choice = random.random()
    if choice < 0.2:
        sound = telephone_line(_leveled(sound, random)).astype(np.float64)
    elif choice < 0.5:
        low, high = np.exp(random.uniform(np.log(60), np.log(300))), random.uniform(3500, 7900)
        sound = band_pass(sound, SAMPLE_RATE, float(low), float(high), _TAPS)
    elif choice < 0.75:
        codec = CODECS[int(random.integers(len(CODECS)))]
        rate = int(random.integers(*codec.bits_per_second))
        sound = through_codec(_leveled(sound, random), codec, rate).astype(np.float64)
    return _leveled(sound, random)


def _resampled(sound: Samples, factor: float) -> Samples:
    """Faster and higher by a factor, as a tape is."""
    changed: Samples = soxr.resample(sound, SAMPLE_RATE * factor, SAMPLE_RATE, "MQ")
    return changed


def _in_a_room(sound: Samples, random: np.random.Generator) -> Samples:
    response = room_response(float(random.uniform(*_RT60_S)), int(random.integers(1 << 31)))
    response[0] *= random.uniform(*_DIRECT)
    return convolve(sound, response)


def _coloured(length: int, random: np.random.Generator) -> Samples:
    """Noise that falls with frequency as f^-slope in power."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), len(spectrum) / 200) ** (random.uniform(-0.2, _SLOPE) / 2)
    noise: Samples = np.fft.irfft(spectrum, length)
    return noise


def _babble(length: int, others: Sequence[Waveform], random: np.random.Generator) -> Samples:
    mixed = np.zeros(length)
    for _ in range(int(random.integers(*_VOICES, endpoint=True))):
        voice = others[int(random.integers(len(others)))].astype(np.float64)
        mixed += np.resize(np.roll(voice, random.integers(len(voice))), length) / max(_rms(voice), 1e-9)
    return mixed


def _mixed(sound: Samples, noise: Samples, snr_db: float) -> Samples:
    return sound + noise * (_rms(sound) / max(_rms(noise), 1e-9) * 10 ** (-snr_db / 20))


def _leveled(sound: Samples, random: np.random.Generator) -> Waveform:
    """At a peak of -25 to 0 dB full scale, as recordings are."""
    peak = max(float(np.abs(sound).max(initial=0.0)), 1e-9)
    leveled: Waveform = (sound / peak * 10 ** (random.uniform(-25, 0) / 20)).astype(np.float32)
    return leveled


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.square(sound).mean())) if len(sound) else 0.0
