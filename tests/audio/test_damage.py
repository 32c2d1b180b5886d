"""Files that crashed, hung or stretched: every one gives its sound or one error, and nothing that is not in it."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from speech3n.audio.media import open_file
from speech3n.audio.source import FileSource
from speech3n.errors import AudioError
from speech3n.types import SAMPLE_RATE, Waveform
from tests.audio.recordings import Sound, read, record, speech


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return speech()


def record_channels(path: Path, codec: str, pcm: Waveform, layout: str, sample_format: str = "fltp") -> Path:
    """Write samples [C, T] at 48 kHz, each channel as it is."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000, layout=layout)
        resampler = av.AudioResampler(
            stream.codec_context.format, layout, 48_000, stream.codec_context.frame_size or 1_024
        )
        whole = av.AudioFrame.from_ndarray(pcm.T.reshape(1, -1).copy(), format="flt", layout=layout)
        whole.sample_rate, whole.pts = 48_000, 0
        for frame in resampler.resample(whole) + resampler.resample(None):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "layout", "channels"),
    [
        ("a.m4a", "aac", "7.1", 8),
        ("a.mka", "flac", "7.1", 8),
        ("a.wv", "wavpack", "7.1", 8),
        ("a.opus", "libopus", "7.1", 8),
        ("a.wav", "pcm_s16le", "hexadecagonal", 16),
        ("many.wv", "wavpack", "hexadecagonal", 16),
    ],
)
def test_eight_channels_and_more(tmp_path: Path, name: str, codec: str, layout: str, channels: int) -> None:
    tone = 0.5 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000).astype(np.float32)
    pcm = np.zeros((channels, 48_000), np.float32)
    pcm[2] = tone  # the centre
    heard = read(record_channels(tmp_path / name, codec, pcm, layout))
    assert len(heard) == pytest.approx(SAMPLE_RATE, abs=1_500)
    # WAV keeps no names for sixteen channels: fifteen silent ones do not make the other one quiet.
    gain = 1.0 if name == "a.wav" else 0.5**0.5
    assert heard[4_000:12_000].std() == pytest.approx(tone.std() * gain, rel=0.1)


def test_whatever_a_decoder_raises_belongs_to_its_file(
    tmp_path: Path, spoken: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "a.flac", spoken, Sound("flac"))

    class Unlucky:
        """A container whose third read fails as PyAV does where a stream turned up that it did not know."""

        def __init__(self, container: av.container.InputContainer) -> None:
            self._container, self._reads = container, 0

        def demux(self, stream: av.AudioStream):  # type: ignore[no-untyped-def]
            for packet in self._container.demux(stream):
                self._reads += 1
                if self._reads == 3:
                    raise IndexError("list index out of range")
                yield packet

        def __getattr__(self, name: str) -> object:
            return getattr(self._container, name)

    media = open_file(path)
    unlucky = type(media)(media.name, Unlucky(media.container), media.stream)  # type: ignore[arg-type]
    monkeypatch.setattr("speech3n.audio.source.open_file", lambda path: unlucky)
    heard = np.concatenate(list(FileSource(path).frames()))
    assert len(heard) > 0.9 * len(spoken)


def rewrite_clock(path: Path, shift: dict[int, int], *, pcr: bool = True) -> Path:
    """Shift the time stamps of an MPEG transport stream, by packet number: what a recorder that restarts writes."""
    data = bytearray(path.read_bytes())
    offset = 0
    for number, start in enumerate(range(0, len(data), 188)):
        offset = shift.get(number, offset)
        packet = memoryview(data)[start : start + 188]
        if not offset or not packet[1] & 0x40:
            continue
        body = 4
        if packet[3] & 0x20:
            body += 1 + packet[4]
        if bytes(packet[body : body + 3]) != b"\0\0\1" or not packet[body + 7] & 0x80:
            continue
        stamp = packet[body + 9 : body + 14]
        ticks = (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | stamp[2] >> 1 << 15 | stamp[3] << 7 | stamp[4] >> 1
        ticks = ticks + offset & (1 << 33) - 1
        stamp[:] = bytes(
            (
                stamp[0] & 0xF1 | ticks >> 30 << 1,
                ticks >> 22 & 0xFF,
                ticks >> 14 & 0xFE | 1,
                ticks >> 7 & 0xFF,
                ticks << 1 & 0xFE | 1,
            )
        )
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("jump_s", [-480, -7_200, 3_600, 40_000])
def test_a_clock_that_jumps_adds_nothing(tmp_path: Path, spoken: Waveform, jump_s: int) -> None:
    path = record(tmp_path / "a.ts", spoken, Sound("mp2"))
    middle = path.stat().st_size // 188 // 2
    source = FileSource(rewrite_clock(path, {0: 90_000 * 500, middle: 90_000 * (500 + jump_s)}))
    heard = np.concatenate(list(source.frames()))
    assert len(heard) == pytest.approx(len(spoken), abs=0.2 * SAMPLE_RATE)
    assert source.warnings == []


def test_one_damaged_stamp_adds_nothing(tmp_path: Path, spoken: Waveform) -> None:
    path = record(tmp_path / "a.ts", spoken, Sound("mp2"))
    middle = path.stat().st_size // 188 // 2
    heard = read(rewrite_clock(path, {middle: 90_000 * 9, middle + 8: 0}))
    assert len(heard) == pytest.approx(len(spoken), abs=0.2 * SAMPLE_RATE)


def test_a_header_that_claims_days_is_not_believed(tmp_path: Path, spoken: Waveform) -> None:
    path = record(tmp_path / "a.avi", spoken[:32_000], Sound("libmp3lame", 44_100))
    data = bytearray(path.read_bytes())
    header = data.index(b"strh")
    # dwRate, from 44100 / 1152 frames a second to one in a hundred seconds.
    struct.pack_into("<II", data, header + 28, 100, 1)
    path.write_bytes(data)
    source = FileSource(path)
    heard = np.concatenate(list(source.frames()))
    assert source.duration_s is None or source.duration_s < 10_000
    assert len(heard) < 6 * SAMPLE_RATE


@pytest.mark.parametrize(("name", "gap_s"), [("a.mkv", 400), ("a.mp4", 400), ("a.ts", 30), ("a.mka", 8), ("a.m4a", 60)])
def test_a_pause_that_a_file_can_hold_is_believed(tmp_path: Path, spoken: Waveform, name: str, gap_s: int) -> None:
    video = None if name in ("a.mka", "a.m4a") else "mpeg4"
    sound = Sound("aac", 48_000, gap_at_s=5, gap_s=gap_s)
    path = record(tmp_path / name, spoken, sound, video, seconds=gap_s + 14)
    assert len(read(path)) / SAMPLE_RATE == pytest.approx(11 + gap_s, abs=0.1)


@pytest.mark.parametrize(
    "name", ["a.ts", "a.mp3", "a.m4a", "a.webm", "a.ogg", "a.flac", "a.wav", "a.avi", "a.rm", "a.wma"]
)
def test_random_damage_ends_in_sound_or_one_error(tmp_path: Path, spoken: Waveform, name: str) -> None:
    codecs = {"ts": "aac", "m4a": "aac", "webm": "libopus", "ogg": "libopus", "flac": "flac", "wav": "pcm_s16le"}
    suffix = name.partition(".")[2]
    rate = 16_000 if suffix in ("flac", "wav") else 48_000
    codec = "ac3" if suffix == "rm" else codecs.get(suffix, "libmp3lame")
    whole = record(tmp_path / name, spoken[:48_000], Sound(codec, rate)).read_bytes()
    for seed in range(25):
        random = np.random.default_rng(seed)
        data = bytearray(whole)
        for place in random.integers(0, len(data), 1 + seed):
            data[place] = random.integers(0, 256)
        damaged = tmp_path / f"damaged.{suffix}"
        damaged.write_bytes(data)
        try:
            heard = sum(map(len, FileSource(damaged).frames()))
        except AudioError:
            continue
        assert heard < 60 * SAMPLE_RATE
