"""Blocks of samples that a program makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speech3n.audio.blocks import BlockSource
from speech3n.audio.inputs import open_source
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.source import AudioSource
from speech3n.errors import AudioError
from speech3n.types import FRAME_SAMPLES, Waveform
from tests.conftest import read_waveform


def test_a_source_that_is_open_already_is_taken_as_it_is(examples: dict[str, Path]) -> None:
    source = open_source(examples["es"])
    assert open_source(source) is source
    source.close()


@pytest.mark.parametrize("length", [1, 999, FRAME_SAMPLES, 100_000])
def test_blocks_of_any_length_are_the_sound(examples: dict[str, Path], length: int) -> None:
    pcm = read_waveform(examples["es"])[:100_000]
    buffer = np.zeros(length, np.float32)

    def blocks() -> Iterator[Waveform]:
        for start in range(0, len(pcm), length):
            block = pcm[start : start + length]
            buffer[: len(block)] = block  # the same memory each time, as audio libraries do it
            yield buffer[: len(block)]

    source = open_source(blocks())
    assert isinstance(source, AudioSource)
    frames = list(source.frames())
    assert {len(frame) for frame in frames[:-1]} <= {FRAME_SAMPLES}
    assert np.array_equal(np.concatenate(frames), pcm)


def test_blocks_have_a_rate_and_channels_and_may_be_one_array() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    stereo = np.stack([tone, -0.5 * tone], axis=1)
    heard = np.concatenate(list(open_source(stereo, pcm=PcmFormat(48_000, 2)).frames()))
    assert len(heard) == 16_000
    assert np.abs(heard[1000:-1000]).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (np.zeros(10, np.int16), "int16"),
        (np.zeros((10, 2), np.float32), "1 channels"),
        (np.zeros((), np.float32), "shape"),
    ],
)
def test_blocks_that_are_no_samples_are_refused(block: Waveform, why: str) -> None:
    with pytest.raises(AudioError, match=why):
        list(BlockSource([block]).frames())


def test_a_rate_that_nothing_has_is_refused_at_once() -> None:
    with pytest.raises(AudioError, match="3 Hz"):
        BlockSource([], 3)


def test_closed_blocks_end() -> None:
    source = BlockSource(np.zeros(FRAME_SAMPLES, np.float32) for _ in range(1000))
    frames = source.frames()
    next(frames)
    source.close()
    assert sum(1 for _ in frames) <= 1
