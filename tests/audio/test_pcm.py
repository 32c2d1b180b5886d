"""Raw PCM from a pipe: at once, in any pieces, in any format."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.audio.pcm import SAMPLE_FORMATS, PcmFormat
from speech3n.audio.pipe import PipeSource
from speech3n.audio.source import AudioSource
from speech3n.errors import AudioError, UsageError
from speech3n.types import FRAME_SAMPLES, Waveform
from tests.audio.recordings import speech


class Pieces(io.RawIOBase):
    """A stream that gives what it has in pieces of the sizes asked for."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = io.BytesIO(data), iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._data.read(min(next(self._sizes, len(buffer)), len(buffer)))
        buffer[: len(data)] = data
        return len(data)


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", buffering=0) as writer:
        yield reader, writer


def encoded(waveform: Waveform, sample_format: str) -> bytes:
    if sample_format == "f32le":
        return waveform.astype("<f4").tobytes()
    bits = int(sample_format[1:3])
    return (waveform.astype(float) * 2 ** (bits - 1)).astype(f"<i{bits // 8}").tobytes()


def read(source: PipeSource) -> Waveform:
    return np.concatenate(list(source.frames()))


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
def test_every_format_gives_the_same_sound(sample_format: str) -> None:
    spoken = speech()
    source = PipeSource(io.BytesIO(encoded(spoken, sample_format)), PcmFormat(sample_format=sample_format))
    assert isinstance(source, AudioSource)
    assert (source.name, source.duration_s, source.is_live) == ("stdin", None, False)
    frames = list(source.frames())
    assert {len(frame) for frame in frames[:-1]} == {FRAME_SAMPLES}
    np.testing.assert_allclose(np.concatenate(frames), spoken, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=40), channels=st.integers(1, 3))
def test_any_pieces_give_the_same_sound(sizes: list[int], channels: int) -> None:
    pcm = np.random.default_rng(0).uniform(-1, 1, (4_000, channels)).astype(np.float32)
    data = encoded(pcm, "f32le")
    for stream in (Pieces(data, sizes), io.BufferedReader(Pieces(data, sizes))):
        source = PipeSource(stream, PcmFormat(16_000, channels, "f32le"))  # type: ignore[arg-type]
        np.testing.assert_allclose(read(source), pcm.mean(axis=1), atol=1e-6)
        assert source.warnings == []


def test_another_rate_is_resampled() -> None:
    spoken = speech()
    doubled = np.repeat(spoken, 2)
    heard = read(PipeSource(io.BytesIO(encoded(doubled, "s16le")), PcmFormat(32_000)))
    assert len(heard) == len(spoken)
    assert np.corrcoef(heard, spoken)[0, 1] > 0.97


def test_a_frame_comes_as_soon_as_its_160_ms_are_there(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    frames = PipeSource(reader, PcmFormat()).frames()
    for number in range(3):
        writer.write(np.full(FRAME_SAMPLES, 8_192 * number, "<i2").tobytes())
        # Nothing more is written, so that a source that waits for more would hang here.
        np.testing.assert_array_equal(next(frames), np.full(FRAME_SAMPLES, 0.25 * number, np.float32))
    writer.write(b"\1\0")
    writer.close()
    assert [len(frame) for frame in frames] == [1]


def test_half_a_sample_at_the_end_is_dropped_and_reported() -> None:
    source = PipeSource(io.BytesIO(bytes(100 * 4 + 3)), PcmFormat(channels=2))
    assert len(read(source)) == 100
    assert source.warnings == ["3 bytes at the end are no whole sample and were dropped."]


def test_numbers_that_are_none_become_silence() -> None:
    numbers = np.array([0.5, np.nan, np.inf, 0.5], "<f4").tobytes()
    heard = read(PipeSource(io.BytesIO(numbers), PcmFormat(sample_format="f32le")))
    np.testing.assert_array_equal(heard, [0.5, 0, 0, 0.5])


def test_close_from_another_thread_ends_a_pipe_that_waits(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    source, begun, heard = PipeSource(reader, PcmFormat()), threading.Event(), []

    def consume() -> None:
        for frame in source.frames():
            heard.append(frame)
            begun.set()

    thread = threading.Thread(target=consume)
    thread.start()
    writer.write(bytes(2 * FRAME_SAMPLES + 200))
    assert begun.wait(10)
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert sum(map(len, heard)) == FRAME_SAMPLES + 100


@pytest.mark.parametrize("data", [b"", b"\0"])
def test_a_pipe_without_sound(data: bytes) -> None:
    with pytest.raises(AudioError, match="without any audio"):
        read(PipeSource(io.BytesIO(data), PcmFormat()))


def test_a_terminal_is_refused() -> None:
    leader, follower = os.openpty()
    with os.fdopen(leader, "rb"), os.fdopen(follower, "rb") as stream, pytest.raises(AudioError, match="terminal"):
        next(PipeSource(stream, PcmFormat()).frames())


def test_impossible_settings_are_refused_at_once() -> None:
    with pytest.raises(UsageError, match="mulaw") as caught:
        PcmFormat(sample_format="mulaw")
    assert "s16le, s32le, f32le" in caught.value.hint
    with pytest.raises(AudioError, match="12 Hz"):
        PipeSource(io.BytesIO(), PcmFormat(12))
