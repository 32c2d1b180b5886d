"""Waveforms as another recording would have them: another voice, room, line, level, and other sounds around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from speech3n.audio.acoustics.codec import CODECS, through_codec
from speech3n.audio.acoustics.filters import Samples, band_pass, convolve
from speech3n.audio.acoustics.reverberation import room_response
from speech3n.audio.acoustics.telephone import telephone_line
from speech3n.types import SAMPLE_RATE, Waveform

_RT60_S = (0.15, 0.9)
_DIRECT = (1.0, 4.0)
"""How much louder than in `room_response` the direct sound is: from a distance to close by."""
_SLOPE = 2.2
_VOICES = (2, 6)
_TAPS = 201
_RATES_HZ = (22_050, 44_100, 48_000)


@dataclass(frozen=True, slots=True)
class WaveformAugmentation:
    """How often (0 to 1) and how much; the standard is for second copies of synthetic speech."""

    resampling: float = 0.7
    """How often it is as much faster and higher as a factor says."""
    factors: tuple[float, float] = (0.88, 1.14)
    room: float = 0.5
    noise: float = 0.75
    babble: float = 0.35
    """How often noise is other voices."""
    snr_db: tuple[float, float] = (3.0, 35.0)
    telephone: float = 0.2
    band: float = 0.3
    codec: float = 0.25
    """Of these three lines a clip goes through one at most."""
    conversion: float = 0.0
    """How often it goes through another sampling rate and back."""
    peak_db: tuple[float, float] = (-25.0, 0.0)
    """The level of the peak, of full scale."""


def augment_waveform(
    waveform: Waveform, others: Sequence[Waveform], augmentation: WaveformAugmentation, random: np.random.Generator
) -> Waveform:
    """A clip [T] under changes drawn at random, about as long; `others` are clips that babble is made of."""
    samples = waveform.astype(np.float64)
    if random.random() < augmentation.resampling:
        samples = _speed_up(samples, random.uniform(*augmentation.factors))
    if random.random() < augmentation.room:
        samples = _in_a_room(samples, random)
    if random.random() < augmentation.noise:
        is_babble = random.random() < augmentation.babble
        noise = _babble(len(samples), others, random) if is_babble else coloured_noise(len(samples), random)
        samples = _add(samples, noise, random.uniform(*augmentation.snr_db))
    choice = random.random()
    if choice < augmentation.telephone:
        samples = telephone_line(_set_level(samples, augmentation, random)).astype(np.float64)
    elif choice < augmentation.telephone + augmentation.band:
        low, high = np.exp(random.uniform(np.log(60), np.log(300))), random.uniform(3500, 7900)
        samples = band_pass(samples, SAMPLE_RATE, float(low), float(high), _TAPS)
    elif choice < augmentation.telephone + augmentation.band + augmentation.codec:
        codec = CODECS[int(random.integers(len(CODECS)))]
        rate = int(random.integers(*codec.bits_per_second))
        samples = through_codec(_set_level(samples, augmentation, random), codec, rate).astype(np.float64)
    if augmentation.conversion and random.random() < augmentation.conversion:
        samples = _convert(samples, float(random.choice(_RATES_HZ)))
    return _set_level(samples, augmentation, random)


def coloured_noise(length: int, random: np.random.Generator) -> Samples:
    """Noise [T] whose power falls with frequency as f^-slope."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), len(spectrum) / 200) ** (random.uniform(-0.2, _SLOPE) / 2)
    noise: Samples = np.fft.irfft(spectrum, length)
    return noise


def _speed_up(samples: Samples, factor: float) -> Samples:
    """Faster and higher by a factor, as a tape is."""
    changed: Samples = soxr.resample(samples, SAMPLE_RATE * factor, SAMPLE_RATE, "MQ")
    return changed


def _in_a_room(samples: Samples, random: np.random.Generator) -> Samples:
    response = room_response(float(random.uniform(*_RT60_S)), int(random.integers(1 << 31)))
    response[0] *= random.uniform(*_DIRECT)
    return convolve(samples, response)


def _babble(length: int, others: Sequence[Waveform], random: np.random.Generator) -> Samples:
    mixed = np.zeros(length)
    for _ in range(int(random.integers(*_VOICES, endpoint=True))):
        voice = others[int(random.integers(len(others)))].astype(np.float64)
        mixed += np.resize(np.roll(voice, random.integers(len(voice))), length) / max(_rms(voice), 1e-9)
    return mixed


def _add(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    return samples + noise * (_rms(samples) / max(_rms(noise), 1e-9) * 10 ** (-snr_db / 20))


def _convert(samples: Samples, rate: float) -> Samples:
    """Through another sampling rate and back, by a converter that is not good at it; as long as before."""
    there = soxr.resample(samples, SAMPLE_RATE, rate, "LQ")
    back: Samples = soxr.resample(there, rate, SAMPLE_RATE, "LQ")
    return back


def _set_level(samples: Samples, augmentation: WaveformAugmentation, random: np.random.Generator) -> Waveform:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-9)
    leveled: Waveform = (samples / peak * 10 ** (random.uniform(*augmentation.peak_db) / 20)).astype(np.float32)
    return leveled


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0
