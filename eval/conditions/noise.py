"""Noise to add to clips, RMS 1: white, pink, and babble made of other clips of the same set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech3n.audio.acoustics.filters import Samples
from speech3n.eval.conditions.speech_level import active_speech_level_db
from speech3n.eval.sets.audio_files import read_audio
from speech3n.eval.sets.clip import Clip
from speech3n.types import SAMPLE_RATE

BABBLE_VOICES = 8
"""About where babble masks best: with fewer there are gaps to listen in, with more it is steady noise (Simpson and
Cooke 2005, Consonant identification in N-talker babble is a nonmonotonic function of N)."""
_LOWEST_PINK_HZ = 50.0


def white_noise(length: int, random: np.random.Generator) -> Samples:
    """Gaussian noise, as strong at every frequency, shape [length]."""
    return _unit(random.standard_normal(length))


def pink_noise(length: int, random: np.random.Generator) -> Samples:
    """Noise that falls by 3 dB an octave from 50 Hz up, shape [length].

    Below there is nothing: the longer the clip, the more of the noise would otherwise be too low to be audible.
    """
    spectrum = np.fft.rfft(random.standard_normal(length)) if length else np.zeros(1, complex)
    frequency = np.arange(len(spectrum)) * SAMPLE_RATE / max(length, 1)
    spectrum *= (frequency >= _LOWEST_PINK_HZ) / np.sqrt(np.maximum(frequency, _LOWEST_PINK_HZ))
    return _unit(np.fft.irfft(spectrum, length) if length else np.zeros(0))


def babble(length: int, others: Sequence[Clip], random: np.random.Generator) -> Samples:
    """Eight voices at once, shape [length]: each clip after clip of `others`, all equally loud, begun anywhere.

    Silent clips are passed over; where all are, or there are none, there is silence. Raises AudioError for a clip
    that can't be read.
    """
    if not others or not length:
        return np.zeros(length)
    order = random.permutation(len(others))
    hands = [hand for voice in range(BABBLE_VOICES) if len(hand := order[voice::BABBLE_VOICES])]
    mixed = np.zeros(length)
    for voice in range(BABBLE_VOICES):
        mixed += _voice(length, [others[index] for index in hands[voice % len(hands)]], random)
    return _unit(mixed)


def _voice(length: int, clips: Sequence[Clip], random: np.random.Generator) -> Samples:
    pieces: list[Samples] = []
    length_so_far = 0
    for clip in clips:
        pcm = read_audio(clip.audio)
        level_db = active_speech_level_db(pcm)
        if level_db is not None:
            pieces.append(pcm / np.float64(10 ** (level_db / 20)))
            length_so_far += len(pcm)
        if length_so_far >= length:
            break
    if not pieces:
        return np.zeros(length)
    return np.resize(np.roll(np.concatenate(pieces), random.integers(length_so_far)), length)


def _unit(samples: Samples) -> Samples:
    rms = np.sqrt(np.square(samples).mean()) if len(samples) else 0.0
    return samples / rms if rms > 0.0 else samples
