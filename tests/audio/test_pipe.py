"""Containers from pipes: known by their first bytes, decoded as they come, and never taken for raw PCM."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.audio.containers import HEAD_BYTES, is_container
from speech3n.audio.inputs import open_source
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.pipe import PipeSource
from speech3n.errors import AudioError
from speech3n.types import Waveform
from tests.audio.recordings import Sound, read, record, speech
from tests.audio.test_pcm import Pieces

KINDS = {
    "a.wav": Sound("pcm_s16le", 44_100),
    "a.flac": Sound("flac"),
    "a.mp3": Sound("libmp3lame", 44_100, "stereo"),
    "low.mp3": Sound("libmp3lame", 8_000),
    "a.mp2": Sound("mp2", 48_000),
    "a.aac": Sound("aac", 44_100, "stereo"),
    "a.m4a": Sound("aac", 48_000),
    "a.ogg": Sound("libopus", 48_000),
    "a.webm": Sound("libopus", 48_000),
    "a.mka": Sound("ac3", 48_000),
    "a.aiff": Sound("pcm_s16be", 22_050),
    "a.au": Sound("pcm_s16be", 22_050),
    "a.caf": Sound("pcm_s16be", 22_050),
    "alac.caf": Sound("alac", 44_100),
    "a.w64": Sound("pcm_s16le"),
    "a.ts": Sound("mp2", 48_000),
    "a.avi": Sound("libmp3lame", 44_100),
    "a.wma": Sound("libmp3lame", 44_100),
    "a.wv": Sound("wavpack", 44_100),
}


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return speech()[:80_000]


def without_tag(data: bytes) -> bytes:
    """MP3 as radio stations send it: no ID3 tag, joined in the middle of a frame."""
    start = 10 + sum(byte << 7 * place for place, byte in enumerate(data[9:5:-1]))
    return data[start + 100 :]


def heard_from(data: bytes) -> Waveform:
    """What is heard where a file comes through a pipe, in pieces, to a source that else takes it for raw PCM."""
    stream = Pieces(data, [1, 2, 3, 5_000])
    return np.concatenate(list(PipeSource(stream, PcmFormat()).frames()))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KINDS)
def test_a_file_piped_in_sounds_as_the_file_does(tmp_path: Path, spoken: Waveform, name: str) -> None:
    path = record(tmp_path / name, spoken, KINDS[name])
    heard, expected = heard_from(path.read_bytes()), read(path)
    # Where it cannot seek, FFmpeg leaves the padding of the last frame, and of the filter what that changes.
    assert len(expected) <= len(heard) <= len(expected) + 2_000
    np.testing.assert_allclose(heard[: len(expected) - 500], expected[:-500], atol=1e-6)


def test_an_mp4_whose_index_comes_first_needs_no_copy(
    tmp_path: Path, spoken: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = record(tmp_path / "a.m4a", spoken, Sound("aac", 48_000)), tmp_path / "fast.m4a"
    with av.open(str(slow)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    monkeypatch.setattr("tempfile.TemporaryFile", None)
    np.testing.assert_array_equal(heard_from(fast.read_bytes()), read(fast))


def test_mp3_without_a_tag_is_known_by_its_frames(tmp_path: Path, spoken: Waveform) -> None:
    path = record(tmp_path / "a.mp3", spoken, Sound("libmp3lame", 44_100))
    heard = heard_from(without_tag(path.read_bytes()))
    assert len(heard) == pytest.approx(len(spoken), abs=3_000)
    assert 0.6 < heard.std() / spoken.std() < 1.1


def test_a_container_is_decoded_while_it_comes(tmp_path: Path, spoken: Waveform) -> None:
    data = record(tmp_path / "a.mp3", spoken, Sound("libmp3lame", 44_100)).read_bytes()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", buffering=0) as writer:
        writer.write(data[: len(data) // 2])
        # Nothing more is written, so that a source that waits for the end would hang here.
        source = PipeSource(reader, PcmFormat())
        frames = source.frames()
        heard = [next(frames) for _ in range(5)]
        thread = threading.Thread(target=lambda: heard.extend(frames))
        thread.start()
        source.close()
        thread.join(10)
        assert not thread.is_alive()


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 30, 300, 3_000, 30_000]))
def test_raw_pcm_is_never_taken_for_a_container(seed: int, loudness: int) -> None:
    random = np.random.default_rng(seed)
    assert not is_container(random.normal(0, loudness, HEAD_BYTES // 2).clip(-32_768, 32_767).astype("<i2").tobytes())
    assert not is_container(random.normal(0, loudness / 32_768, HEAD_BYTES // 4).astype("<f4").tobytes())
    for value in (0, -1, -loudness, loudness):
        assert not is_container(np.full(HEAD_BYTES // 2, value, "<i2").tobytes())


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_a_steady_tone_is_no_stream_of_frames(rate: int) -> None:
    tone = np.round(100 * np.sin(2 * np.pi * 1_000 * np.arange(HEAD_BYTES // 2) / rate)).astype("<i2")
    assert not is_container(tone.tobytes())
    assert not is_container(tone.repeat(2).tobytes())


def test_a_constant_is_no_transport_stream() -> None:
    for value in (0x47, 0x0247, -0x7FB9):
        assert not is_container(np.full(HEAD_BYTES // 2, value, "<i2").tobytes())


@pytest.mark.parametrize("data", [b"RIFF" + bytes(99), b"\x1a\x45\xdf\xa3" + bytes(9_000), b"caff" + bytes(99)])
def test_a_damaged_container_is_an_error_not_noise(data: bytes) -> None:
    with pytest.raises(AudioError, match=r"stdin holds no audio|stdin yields no audio"):
        heard_from(data)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("name", ["a.mp3", "a.m4a"])
def test_a_named_pipe_is_opened_once(tmp_path: Path, spoken: Waveform, name: str) -> None:
    path = record(tmp_path / name, spoken, KINDS[name])
    os.mkfifo(tmp_path / "pipe")
    source = open_source(tmp_path / "pipe")
    assert source.duration_s is None
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(path.read_bytes(),))
    writer.start()
    assert len(np.concatenate(list(source.frames()))) == pytest.approx(len(read(path)), abs=2_000)
    writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_named_pipe_without_sound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"",))
    writer.start()
    with pytest.raises(AudioError, match="pipe ended without any audio"):
        list(open_source(tmp_path / "pipe").frames())
    writer.join()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_that_is_no_pipe() -> None:
    with pytest.raises(AudioError, match="/dev/zero holds no audio"):
        list(open_source("/dev/zero").frames())


def test_stdin_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(AudioError, match="stdin is closed"):
        open_source("-")


def test_stdin_is_read_through_its_buffer(monkeypatch: pytest.MonkeyPatch, spoken: Waveform) -> None:
    pcm = (spoken * 32_767).astype("<i2").tobytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pcm)))
    np.testing.assert_allclose(np.concatenate(list(open_source("-").frames())), spoken, atol=1e-4)
