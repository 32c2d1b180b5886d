"""What a recogniser may hear of a recording: begun early or late, louder or softer, with noise, recoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from speech3n.training.memorise.passages import Passage
from speech3n.types import SAMPLE_RATE, Waveform

POST_ROLL_S = 0.3
_LONGEST_LEAD_S = 0.6
_LONGEST_TAIL_S = 1.0
_LONGEST_NOISE_S = 6.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Sound [T] of a passage, whose time `begin` of the clip lies at its first sample."""

    waveform: Waveform
    begin: float


def as_recorded(passage: Passage) -> Heard:
    """The passage from its earliest begin to where the next one begins."""
    return Heard(_cut(passage, passage.earliest, passage.end), passage.earliest)


def as_cut_by_session(passage: Passage) -> Heard:
    """The passage with the pre-roll and post-roll of a session."""
    begin = passage.session_begin
    return Heard(_cut(passage, begin, min(passage.speech_end + POST_ROLL_S, passage.end)), begin)


def varied(passage: Passage, random: np.random.Generator) -> Heard:
    """The passage as it might be heard another time."""
    choice = random.random()
    if choice < 0.15:
        return as_recorded(passage)
    if choice < 0.4:
        return as_cut_by_session(passage)
    begin = random.uniform(max(passage.earliest, passage.latest - _LONGEST_LEAD_S), passage.latest)
    end = random.uniform(min(passage.speech_end, passage.end), passage.end)
    lead = random.uniform(0, _LONGEST_LEAD_S) * (random.random() < 0.4)
    tail = random.uniform(0, _LONGEST_TAIL_S) * (random.random() < 0.5)
    waveform = _recoded(_cut(passage, begin, end), random)
    waveform = np.pad(waveform, (round(lead * SAMPLE_RATE), round(tail * SAMPLE_RATE)))
    if random.random() < 0.5:
        level = np.sqrt(np.square(waveform).mean()) * 10 ** (-random.uniform(20, 45) / 20)
        waveform = waveform + _coloured(len(waveform), random) * level
    waveform = np.clip(waveform * 10 ** (random.uniform(-12, 4) / 20), -1, 1)
    if random.random() < 0.3:
        waveform = np.round(waveform * 32768) / 32768
    return Heard(waveform.astype(np.float32), begin - lead)


def nobody(random: np.random.Generator) -> Waveform:
    """Sound in which nobody speaks: silence, noise, mains hum, tones and clicks at several levels."""
    length = round(random.uniform(0.2, _LONGEST_NOISE_S) * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    kind = random.integers(5)
    waveform: NDArray[np.floating]
    if kind == 0:
        return np.zeros(length, np.float32)
    if kind == 1:
        waveform = random.standard_normal(length)
    elif kind == 2:
        waveform = _coloured(length, random)
    elif kind == 3:
        pitch = random.choice([50.0, 60.0, random.uniform(80, 3000)])
        waveform = sum(np.sin(2 * np.pi * pitch * order * time) / order for order in (1, 2, 3))
    else:
        waveform = random.standard_normal(length) * (random.random(length) < 3e-4) * 5
    waveform = waveform + random.standard_normal(length) * 1e-3
    return np.clip(waveform * 10 ** (random.uniform(-70, -15) / 20), -1, 1).astype(np.float32)


def _cut(passage: Passage, begin: float, end: float) -> Waveform:
    return passage.waveform[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def _recoded(waveform: Waveform, random: np.random.Generator) -> Waveform:
    """The sound after a trip through another sampling rate, sometimes."""
    if random.random() > 0.25:
        return waveform
    rate = float(random.choice([22_050, 44_100, 48_000]))
    there = soxr.resample(waveform, SAMPLE_RATE, rate, "LQ")
    back: Waveform = soxr.resample(there, rate, SAMPLE_RATE, "LQ").astype(np.float32)
    return back


def _coloured(length: int, random: np.random.Generator) -> Waveform:
    """Noise whose power falls with frequency as f^-slope: 0 white, 1 pink, 2 brown; RMS 1."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (random.uniform(0, 2) / 2)
    noise = np.fft.irfft(spectrum, length)
    scaled: Waveform = (noise / np.sqrt(np.square(noise).mean())).astype(np.float32)
    return scaled
