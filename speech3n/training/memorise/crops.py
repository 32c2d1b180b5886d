"""Crops of a recording: begun early or late, with silence around, as a session cuts it; and noise alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech3n.training.data.augment.waveform import WaveformAugmentation, augment_waveform, coloured_noise
from speech3n.training.memorise.passages import Passage
from speech3n.types import SAMPLE_RATE, Waveform

POST_ROLL_S = 0.3
_LONGEST_LEAD_S = 0.6
_LONGEST_TAIL_S = 1.0
_LONGEST_NOISE_S = 6.0
_AUGMENTATION = WaveformAugmentation(
    resampling=0.0,
    room=0.0,
    noise=0.5,
    babble=0.0,
    snr_db=(20.0, 45.0),
    telephone=0.0,
    band=0.0,
    codec=0.0,
    conversion=0.25,
)
"""Words stay where they are in time, and the clip stays the one to recite."""


@dataclass(frozen=True, slots=True)
class Crop:
    """Samples [T] of a passage, the first of which lies at the time `begin` of the clip."""

    waveform: Waveform
    begin: float


def as_recorded(passage: Passage) -> Crop:
    """The passage from its earliest begin to where the next one begins."""
    return Crop(_cut(passage, passage.earliest, passage.end), passage.earliest)


def as_cut_by_session(passage: Passage) -> Crop:
    """The passage with the pre-roll and post-roll of a session."""
    begin = passage.session_begin
    return Crop(_cut(passage, begin, min(passage.speech_end + POST_ROLL_S, passage.end)), begin)


def random_crop(passage: Passage, random: np.random.Generator) -> Crop:
    """The passage as it is, as a session cuts it, or with other boundaries and augmented."""
    choice = random.random()
    if choice < 0.15:
        return as_recorded(passage)
    if choice < 0.4:
        return as_cut_by_session(passage)
    begin = random.uniform(max(passage.earliest, passage.latest - _LONGEST_LEAD_S), passage.latest)
    end = random.uniform(min(passage.speech_end, passage.end), passage.end)
    lead = random.uniform(0, _LONGEST_LEAD_S) * (random.random() < 0.4)
    tail = random.uniform(0, _LONGEST_TAIL_S) * (random.random() < 0.5)
    waveform = np.pad(_cut(passage, begin, end), (round(lead * SAMPLE_RATE), round(tail * SAMPLE_RATE)))
    return Crop(augment_waveform(waveform, (), _AUGMENTATION, random), begin - lead)


def noise_alone(random: np.random.Generator) -> Waveform:
    """A waveform [T] in which nobody speaks: silence, noise, mains hum, tones and clicks at several levels."""
    length = round(random.uniform(0.2, _LONGEST_NOISE_S) * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    kind = random.integers(5)
    waveform: NDArray[np.floating]
    if kind == 0:
        return np.zeros(length, np.float32)
    if kind == 1:
        waveform = random.standard_normal(length)
    elif kind == 2:
        waveform = coloured_noise(length, random)
        waveform /= np.sqrt(np.square(waveform).mean())
    elif kind == 3:
        pitch = random.choice([50.0, 60.0, random.uniform(80, 3000)])
        waveform = sum(np.sin(2 * np.pi * pitch * order * time) / order for order in (1, 2, 3))
    else:
        waveform = random.standard_normal(length) * (random.random(length) < 3e-4) * 5
    waveform = waveform + random.standard_normal(length) * 1e-3
    return np.clip(waveform * 10 ** (random.uniform(-70, -15) / 20), -1, 1).astype(np.float32)


def _cut(passage: Passage, begin: float, end: float) -> Waveform:
    return passage.waveform[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
