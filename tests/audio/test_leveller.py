"""Very quiet speech and speech on an offset are detected; ordinary sound is not touched, and noise not woken."""

from __future__ import annotations

import numpy as np
import pytest

from speech3n.audio.leveller import Leveller
from speech3n.audio.vad import VoiceActivityDetector
from speech3n.eval.sets.sounds import SOUNDS
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform
from tests.fakes import frames


def speech_share(pcm: Waveform) -> float:
    """The part of the sound that the detector takes for speech."""
    detector = VoiceActivityDetector()
    return float(np.mean(np.concatenate([detector.push(frame) for frame in frames(pcm)])))


def as_16_bit(pcm: Waveform) -> Waveform:
    return (np.round(pcm * 32_768) / 32_768).astype(np.float32)


@pytest.mark.parametrize(("gain_db", "offset"), [(-45, 0.0), (-25, 0.05), (-15, 0.3), (0, 0.1)])
def test_quiet_speech_is_speech(english: Waveform, gain_db: float, offset: float) -> None:
    quiet = as_16_bit(english * np.float32(10 ** (gain_db / 20)) + np.float32(offset))
    assert speech_share(quiet) > 0.7 * speech_share(english)


def test_ordinary_sound_is_not_touched(english: Waveform) -> None:
    leveller = Leveller()
    assert all(leveller.push(frame) is frame for frame in frames(english[SAMPLE_RATE:]))


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("gain_db", [-20, -40, -60])
def test_quiet_noise_stays_noise(sound: str, gain_db: float) -> None:
    pcm = np.concatenate([SOUNDS[sound](second) for second in range(20)])
    usual, quiet = speech_share(pcm), speech_share(as_16_bit(pcm * np.float32(10 ** (gain_db / 20))))
    assert quiet <= usual + 0.02


def test_the_noise_after_speech_is_not_raised_to_it(english: Waveform) -> None:
    leveller = Leveller()
    for frame in frames(english):
        leveller.push(frame)
    noise = (0.001 * np.random.default_rng(0).standard_normal(60 * SAMPLE_RATE)).astype(np.float32)
    raised = [leveller.push(frame) for frame in frames(noise)]
    np.testing.assert_array_equal(
        np.concatenate(raised[: 40 * SAMPLE_RATE // FRAME_SAMPLES]), noise[: 40 * SAMPLE_RATE]
    )


def test_a_loud_frame_is_never_amplified(english: Waveform) -> None:
    leveller = Leveller()
    for _ in range(100):
        leveller.push(np.zeros(FRAME_SAMPLES, np.float32))
    loud = english[2 * SAMPLE_RATE : 2 * SAMPLE_RATE + FRAME_SAMPLES]
    assert leveller.push(loud) is loud
