"""Containers that FFmpeg alone gets wrong: chains, sizes that wrapped, lengths that are guesses, keys in playlists."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from speech3n.audio.headers import sound_behind_the_end
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.pipe import PipeSource
from speech3n.audio.source import FileSource
from speech3n.types import SAMPLE_RATE, Waveform
from tests.audio.recordings import Sound, read, record, speech
from tests.audio.test_pcm import Pieces
from tests.audio.test_source import starts_at


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return speech()


def heard_with_warnings(path: Path) -> tuple[Waveform, list[str]]:
    source = FileSource(path)
    return np.concatenate(list(source.frames())), source.warnings


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("a.opus", Sound("libopus", 48_000), Sound("libopus", 48_000, "stereo")),
        ("a.ogg", Sound("flac", 16_000), Sound("flac", 44_100, "stereo")),
        ("b.ogg", Sound("libopus", 24_000), Sound("flac", 44_100)),
    ],
)
def test_every_link_of_a_chain_is_heard(
    tmp_path: Path, spoken: Waveform, name: str, first: Sound, second: Sound
) -> None:
    one = record(tmp_path / f"1{name}", spoken[:80_000], first)
    two = record(tmp_path / f"2{name}", spoken, second)
    chained = tmp_path / name
    chained.write_bytes(one.read_bytes() + two.read_bytes() + one.read_bytes())
    heard, warnings = heard_with_warnings(chained)
    assert warnings == []
    assert len(heard) == pytest.approx(2 * 80_000 + len(spoken), abs=3_000)
    assert starts_at(heard[80_000:256_000], spoken[48_000:80_000]) == pytest.approx(3, abs=0.1)

    piped = PipeSource(Pieces(chained.read_bytes(), [1, 9_000]), PcmFormat())  # type: ignore[arg-type]
    assert sum(map(len, piped.frames())) == pytest.approx(len(heard), abs=100)


def test_a_damaged_link_costs_only_itself(tmp_path: Path, spoken: Waveform) -> None:
    part = record(tmp_path / "part.opus", spoken[:80_000], Sound("libopus", 48_000)).read_bytes()
    broken = part.replace(b"OpusHead", b"OpusDead")
    (tmp_path / "a.opus").write_bytes(part + broken + part)
    heard, warnings = heard_with_warnings(tmp_path / "a.opus")
    assert len(heard) == pytest.approx(160_000, abs=2_000)
    assert len(warnings) == 1


def wav(samples: bytes, size: int, behind: bytes = b"") -> bytes:
    """A mono WAV whose header claims that its samples are `size` bytes."""
    format_ = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    return b"RIFF" + struct.pack("<I4s", 36, b"WAVE") + format_ + struct.pack("<4sI", b"data", size) + samples + behind


@pytest.mark.parametrize("size", [0, 2, 64_000, 100_002, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_is_heard_to_its_end_whatever_its_header_says(tmp_path: Path, spoken: Waveform, size: int) -> None:
    samples = (spoken * 32_768).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(samples, size))
    heard, warnings = heard_with_warnings(tmp_path / "a.wav")
    assert len(heard) == len(spoken)
    assert len(warnings) == (1 if size in (2, 64_000, 100_002) else 0)


@pytest.mark.parametrize("gigabytes", [5, 7])
def test_sizes_of_a_wav_wrap_at_four_gigabytes(tmp_path: Path, gigabytes: int) -> None:
    claimed = (gigabytes << 30) % (1 << 32)
    with (tmp_path / "long.wav").open("w+b") as file:
        file.write(wav(b"", claimed))
        begins = file.tell()
        file.seek(begins + claimed)
        file.write(bytes(range(1, 256)) * 20)
        file.truncate(begins + (gigabytes << 30))  # nothing lies between on the disk
        assert sound_behind_the_end(file) == 1 << 32


@pytest.mark.parametrize(
    "behind",
    [
        struct.pack("<4sI", b"LIST", 6_000) + b"INFO" + bytes(range(250)) * 23 + bytes(246),
        b"bext" + struct.pack("<I", 8_000) + b"x" * 8_000 + b"iXML" + struct.pack("<I", 3) + b"<a>\0",
        bytes(20_000),
        b"TAG" + b"title" * 2_000,
    ],
)
def test_what_follows_the_sound_of_a_wav_is_not_heard(tmp_path: Path, spoken: Waveform, behind: bytes) -> None:
    samples = (spoken * 32_768).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(samples, len(samples), behind))
    heard, warnings = heard_with_warnings(tmp_path / "a.wav")
    np.testing.assert_array_equal(heard, spoken)
    assert warnings == []


@pytest.mark.parametrize("name", ["a.aac", "a.mp3"])
def test_a_length_that_is_guessed_announces_nothing(tmp_path: Path, spoken: Waveform, name: str) -> None:
    """The bit rate of the silence at the beginning makes FFmpeg guess many times the real length."""
    codec = "aac" if name == "a.aac" else "libmp3lame"
    quiet_first = np.concatenate([np.zeros(10 * SAMPLE_RATE, np.float32), spoken])
    path = tmp_path / name
    options = {"write_xing": "0", "id3v2_version": "0"} if codec == "libmp3lame" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        if codec == "libmp3lame":
            stream.options = {"abr": "0", "compression_level": "5"}
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = 5 * 118
        frame = av.AudioFrame.from_ndarray(quiet_first[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(stream.codec_context.format, "mono", SAMPLE_RATE, stream.codec_context.frame_size)
        for resampled in resampler.resample(frame) + resampler.resample(None):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    source = FileSource(path)
    heard = np.concatenate(list(source.frames()))
    assert source.duration_s is not None
    assert source.duration_s > 30
    assert len(heard) == pytest.approx(len(quiet_first), abs=4_000)
    assert source.warnings == []


def test_a_playlist_with_a_key(tmp_path: Path, spoken: Waveform) -> None:
    (tmp_path / "k.key").write_bytes(bytes(range(16)))
    (tmp_path / "keys.txt").write_text(f"k.key\n{tmp_path / 'k.key'}\n{'0' * 32}\n")
    options = {"hls_time": "3", "hls_list_size": "0", "hls_key_info_file": str(tmp_path / "keys.txt")}
    with av.open(str(tmp_path / "list.m3u8"), "w", format="hls", options=options) as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(spoken[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(stream.codec_context.format, "mono", SAMPLE_RATE, stream.codec_context.frame_size)
        for resampled in resampler.resample(frame) + resampler.resample(None):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    assert "METHOD=AES-128" in (tmp_path / "list.m3u8").read_text()
    assert len(read(tmp_path / "list.m3u8")) == pytest.approx(len(spoken), abs=2_000)
