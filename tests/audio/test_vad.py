"""Speech opens the gate; silence, noise, tones and music-like sound do not."""

import numpy as np
import pytest

from speech3n.audio.vad import SLOT_SAMPLES, VoiceActivityDetector
from speech3n.types import SAMPLE_RATE, Waveform
from tests.fakes import frames


def speech_s(pcm: Waveform) -> float:
    detector = VoiceActivityDetector()
    return sum(int(detector.push(frame).sum()) for frame in frames(pcm)) * SLOT_SAMPLES / SAMPLE_RATE


def seconds(count: float) -> np.ndarray:
    return np.arange(round(count * SAMPLE_RATE)) / SAMPLE_RATE


def noise(level: float) -> Waveform:
    return (level * np.random.default_rng(0).standard_normal(20 * SAMPLE_RATE)).astype(np.float32)


def test_real_speech_is_heard(english: Waveform) -> None:
    assert 5.0 < speech_s(english) < 10.0


def test_quiet_speech_is_heard(english: Waveform) -> None:
    assert speech_s(english * np.float32(0.05)) > 4.0


def test_speech_in_noise_is_heard(english: Waveform) -> None:
    assert speech_s(english + noise(0.01)[: len(english)]) > 4.0


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(20 * SAMPLE_RATE, np.float32),
        noise(0.001),
        noise(0.1),
        np.cumsum(noise(0.001)).astype(np.float32) % np.float32(0.3),
        (0.3 * np.sin(2 * np.pi * 440 * seconds(20))).astype(np.float32),
        sum(
            0.1 * np.sin(2 * np.pi * f * seconds(20)) * np.exp(-4 * (seconds(20) % 0.5)) for f in (220, 277, 330)
        ).astype(np.float32),
    ],
    ids=["silence", "faint noise", "loud noise", "rumble", "tone", "chords"],
)
def test_what_is_no_speech_is_not_taken_for_it(pcm: Waveform) -> None:
    assert speech_s(pcm) < 0.2


def test_silence_never_reaches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.audio.vad.SileroNetwork", lambda: pytest.fail("the network ran on silence"))
    assert speech_s(np.zeros(5 * SAMPLE_RATE, np.float32)) == 0
