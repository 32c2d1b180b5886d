"""The resampler: no seams, no lost samples, the right sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.audio.resample import Framer, Resampler
from speech3n.errors import AudioError
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

RATES = (4_000, 8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 384_000)


def noise(samples: int, seed: int = 0) -> Waveform:
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


def resample_whole(sound: Waveform, rate: int) -> Waveform:
    resampler = Resampler(rate)
    return np.concatenate([resampler.push(sound), resampler.flush()])


@settings(max_examples=60)
@given(
    rate=st.sampled_from(RATES),
    sizes=st.lists(st.integers(0, 5_000), min_size=1, max_size=30),
    seed=st.integers(0, 99),
)
def test_any_chopping_equals_the_whole(rate: int, sizes: list[int], seed: int) -> None:
    sound = noise(sum(sizes), seed)
    resampler = Resampler(rate)
    blocks = np.split(sound, np.cumsum(sizes)[:-1])

    pieces = [resampler.push(block) for block in blocks]
    chopped = np.concatenate([*pieces, resampler.flush()])

    np.testing.assert_allclose(chopped, resample_whole(sound, rate), atol=1e-4)
    assert abs(len(chopped) - len(sound) * SAMPLE_RATE / rate) <= 1
    assert chopped.dtype == np.float32


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_pitch_level_and_time(rate: int) -> None:
    seconds = np.arange(rate) / rate
    tone = (0.5 * np.sin(2 * np.pi * 997 * seconds)).astype(np.float32)
    expected = 0.5 * np.sin(2 * np.pi * 997 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)

    resampled = resample_whole(tone, rate)

    # Away from the ends, where the filter sees the silence around the sound.
    np.testing.assert_allclose(resampled[2_000:-2_000], expected[2_000:-2_000], atol=1e-3)


def test_what_lies_above_8_khz_does_not_fold_back() -> None:
    tone = np.sin(2 * np.pi * 11_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(resample_whole(tone, 48_000)[1_000:-1_000]).max() < 1e-3


def test_16_khz_passes_unchanged_and_at_once() -> None:
    sound = noise(1_234)
    resampler = Resampler(SAMPLE_RATE)
    np.testing.assert_array_equal(resampler.push(sound), sound)
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_the_lag_is_bounded(rate: int) -> None:
    resampler = Resampler(rate)
    block = rate // 50
    given_s = ready = 0.0
    for part in np.split(noise(block * 100), 100):
        given_s += block / rate
        ready += len(resampler.push(part))
        assert given_s - ready / SAMPLE_RATE < 0.12


def test_channels_are_averaged_or_weighted() -> None:
    stereo = np.stack([noise(500, 1), noise(500, 2)], axis=1)
    np.testing.assert_allclose(Resampler(16_000, 2).push(stereo), stereo.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(
        Resampler(16_000, 2, weights=[0.25, 0.75]).push(stereo),
        0.25 * stereo[:, 0] + 0.75 * stereo[:, 1],
        atol=1e-6,
    )


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_samples_that_are_no_numbers_become_silence(rate: int, channels: int) -> None:
    sound = np.full((rate, channels), 0.25, np.float32)
    sound[rate // 2, 0] = np.nan
    sound[rate // 2 + 1, 0] = np.inf
    sound[rate // 2 + 2, 0] = -np.inf
    sound[rate // 2 + 3, 0] = 3e38
    resampler = Resampler(rate, channels)
    out = np.concatenate([resampler.push(sound if channels > 1 else sound[:, 0]), resampler.flush()])
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 12
    assert out[4_000] == pytest.approx(0.25, abs=1e-3)
    assert out[12_000] == pytest.approx(0.25, abs=1e-3)


def test_after_a_flush_a_new_sound_begins() -> None:
    resampler = Resampler(44_100)
    first = np.concatenate([resampler.push(noise(9_000)), resampler.flush()])
    second = np.concatenate([resampler.push(noise(9_000)), resampler.flush()])
    np.testing.assert_array_equal(first, second)
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize("rate", [0, -1, 3_999, 384_001])
def test_an_impossible_rate_is_refused(rate: int) -> None:
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        Resampler(rate)


def test_channels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AudioError):
        Resampler(16_000, 0)
    with pytest.raises(AudioError):
        Resampler(16_000, 2, weights=[1.0])
    with pytest.raises(AudioError, match="2 channels"):
        Resampler(16_000, 2).push(noise(10))


@given(sizes=st.lists(st.integers(0, 9_000), max_size=12))
def test_the_framer_cuts_everything_into_equal_frames(sizes: list[int]) -> None:
    sound = np.arange(sum(sizes), dtype=np.float32)
    framer, frames, start = Framer(), [], 0
    for size in sizes:
        scratch = sound[start : start + size].copy()
        frames += [frame.copy() for frame in framer.push(scratch)]
        scratch[:] = np.nan  # a caller that uses its memory again
        start += size
    rest = framer.flush()
    assert all(len(frame) == FRAME_SAMPLES for frame in frames)
    left = len(sound) % FRAME_SAMPLES
    assert [len(frame) for frame in rest] == ([left] if left else [])
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *frames, *rest]), sound)
    assert framer.flush() == []
