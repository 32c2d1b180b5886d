"""Channels made one, also where they are opposite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.audio.mix import Mixer
from speech3n.types import SAMPLE_RATE, Waveform
from tests.audio.recordings import speech


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return speech()


def mixed(pcm: np.ndarray, block: int = 8_000) -> Waveform:
    mixer = Mixer([1 / pcm.shape[1]] * pcm.shape[1], SAMPLE_RATE)
    blocks = [mixer.push(pcm[start : start + block].astype(np.float32)) for start in range(0, len(pcm), block)]
    return np.concatenate(blocks)


def test_opposite_phases_do_not_cancel(spoken: Waveform) -> None:
    heard = mixed(np.column_stack([0.9 * spoken, -spoken]))
    loud = np.abs(spoken) > 0.01
    late = int(np.argmax(loud)) + round(0.15 * SAMPLE_RATE)
    np.testing.assert_allclose(heard[late:], -spoken[late:], atol=1e-6)


def test_a_plug_that_is_turned_in_the_middle_is_heard_on_both_sides(spoken: Waveform) -> None:
    sides = np.column_stack([spoken, np.where(np.arange(len(spoken)) < len(spoken) // 2, spoken, -spoken)])
    heard = mixed(sides)
    for half in (slice(0, len(spoken) // 2), slice(len(spoken) // 2 + 3 * SAMPLE_RATE, None)):
        assert abs(np.corrcoef(heard[half], spoken[half])[0, 1]) > 0.98
        assert heard[half].std() > 0.9 * spoken[half].std()


def test_a_plug_that_is_turned_costs_half_a_second_however_loud_it_was_before() -> None:
    loud = np.random.default_rng(1).normal(0, 0.3, 2 * SAMPLE_RATE)
    soft = np.random.default_rng(2).normal(0, 0.03, 2 * SAMPLE_RATE)
    sides = np.column_stack([np.concatenate([loud, soft]), np.concatenate([loud, -soft])])
    np.testing.assert_allclose(
        np.abs(mixed(sides)[-round(1.4 * SAMPLE_RATE) :]), np.abs(soft[-round(1.4 * SAMPLE_RATE) :]), atol=1e-6
    )


def test_a_moment_of_opposite_sound_after_silence_is_no_fault() -> None:
    click = np.random.default_rng(3).normal(0, 0.1, SAMPLE_RATE // 20)
    silence = np.zeros(SAMPLE_RATE)
    sides = np.column_stack(
        [np.concatenate([click, silence, click, silence]), np.concatenate([click, silence, -click, silence])]
    )
    np.testing.assert_array_equal(mixed(sides), sides.astype(np.float32).mean(1))


def test_what_is_no_fault_stays_the_mean_to_the_bit(spoken: Waveform) -> None:
    random = np.random.default_rng(0)
    delayed = np.roll(spoken, 60)
    delayed[:60] = 0
    for pcm in (
        np.column_stack([spoken, spoken]),
        np.column_stack([spoken, np.zeros_like(spoken)]),
        np.column_stack([spoken, delayed]),
        np.column_stack([spoken, -0.6 * spoken]),
        random.normal(0, 0.1, (len(spoken), 2)),
    ):
        pcm = pcm.astype(np.float32)
        np.testing.assert_array_equal(
            mixed(pcm), np.concatenate([pcm[i : i + 8_000] @ np.float32([0.5, 0.5]) for i in range(0, len(pcm), 8_000)])
        )


def test_a_channel_that_is_left_out_is_not_taken_instead(spoken: Waveform) -> None:
    mixer = Mixer([0.5, 0.5, 0.0], SAMPLE_RATE)
    low = np.zeros((len(spoken), 3), np.float32)
    low[:, 2] = spoken
    assert not mixer.push(low).any()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=60))
def test_the_cut_into_blocks_changes_nothing(sizes: list[int]) -> None:
    tone = np.sin(np.arange(20_000) / 7)
    pcm = np.column_stack([tone, -tone * (np.arange(20_000) > 6_000)]).astype(np.float32)
    mixer, start, heard = Mixer([0.5, 0.5], SAMPLE_RATE), 0, []
    for size in [*sizes, 20_000]:
        heard.append(mixer.push(pcm[start : start + size]))
        start += size
    np.testing.assert_allclose(np.concatenate(heard), mixed(pcm, 20_000), atol=1e-6)
