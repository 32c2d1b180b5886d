import numpy as np
import pytest

from speech3n.eval.sets.sounds import SOUNDS, GeneratedSource
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE

LEVELS = {"quiet noise": -60.0, "white noise": -30.0, "pink noise": -30.0, "tones": -20.0, "music": -20.0}


@pytest.mark.parametrize("sound", SOUNDS)
def test_sources_last_as_long_as_asked_and_repeat_exactly(sound: str) -> None:
    frames = list(GeneratedSource(sound, 2.5).frames())
    assert {len(frame) for frame in frames[:-1]} == {FRAME_SAMPLES}
    pcm = np.concatenate(frames)
    assert len(pcm) == 2.5 * SAMPLE_RATE
    assert pcm.dtype == np.float32
    np.testing.assert_array_equal(pcm, np.concatenate(list(GeneratedSource(sound, 2.5).frames())))


@pytest.mark.parametrize(("sound", "level_db"), LEVELS.items())
def test_levels_are_those_of_a_room(sound: str, level_db: float) -> None:
    pcm = np.concatenate(list(GeneratedSource(sound, 3.0).frames()))
    assert 20 * np.log10(np.sqrt(np.square(pcm).mean())) == pytest.approx(level_db, abs=0.1)


def test_silence_is_digital() -> None:
    assert not np.concatenate(list(GeneratedSource("silence", 1.0).frames())).any()


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    pcm = np.concatenate(list(GeneratedSource("pink noise", 8.0).frames()))
    power = np.square(np.abs(np.fft.rfft(pcm[: 8 * SAMPLE_RATE])))
    octaves = [10 * np.log10(power[8 * low : 16 * low].mean()) for low in (250, 500, 1000, 2000)]
    assert np.diff(octaves) == pytest.approx([-3.0] * 3, abs=0.4)


def test_seconds_of_noise_differ() -> None:
    assert not np.array_equal(SOUNDS["white noise"](0), SOUNDS["white noise"](1))
