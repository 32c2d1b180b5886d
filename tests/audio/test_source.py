"""Files of every kind: the same speech comes out, at the time the video shows it, or one clear error."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from speech3n.audio.source import AudioSource, FileSource
from speech3n.errors import AudioError
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform
from tests.audio.recordings import Sound, read, record, record_silent_video, speech

KINDS = {
    "u8.wav": Sound("pcm_u8", 8_000),
    "s16.wav": Sound("pcm_s16le", 44_100, "stereo"),
    "s24.wav": Sound("pcm_s24le", 48_000, "stereo"),
    "s32.wav": Sound("pcm_s32le", 96_000),
    "f32.wav": Sound("pcm_f32le", 22_050, "5.1"),
    "f64.wav": Sound("pcm_f64le", 16_000),
    "s16.flac": Sound("flac", 96_000, "stereo"),
    "a.mp3": Sound("libmp3lame", 44_100, "stereo"),
    "low.mp3": Sound("libmp3lame", 8_000),
    "a.m4a": Sound("aac", 48_000, "stereo"),
    "surround.m4a": Sound("aac", 44_100, "5.1"),
    "a.opus": Sound("libopus", 48_000),
    "a.ogg": Sound("libopus", 24_000, "stereo"),
    "flac.ogg": Sound("flac", 16_000),
    "a.webm": Sound("libopus", 48_000, "stereo"),
    "a.mka": Sound("ac3", 48_000, "5.1"),
    "a.aiff": Sound("pcm_s16be", 22_050),
}
VIDEOS = {
    "a.mp4": (Sound("aac", 48_000, "stereo"), "libx264"),
    "a.mkv": (Sound("aac", 44_100), "mpeg4"),
    "a.mov": (Sound("pcm_s16le", 48_000), "mpeg4"),
    "a.avi": (Sound("libmp3lame", 44_100), "mpeg4"),
    "a.ts": (Sound("aac", 48_000), "libx264"),
    "v.webm": (Sound("libopus", 48_000), "libvpx"),
}


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return speech()


def starts_at(heard: Waveform, excerpt: Waveform) -> float:
    """Return the time in seconds at which an excerpt is heard, by correlation."""
    size = 1 << (len(heard) + len(excerpt)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(excerpt, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)])) / SAMPLE_RATE


def assert_same_speech(heard: Waveform, spoken: Waveform, late_s: float = 0.03) -> None:
    """`late_s` allows for containers that cannot say that a codec begins with silence of its own."""
    assert heard.dtype == np.float32
    offset_s = starts_at(heard, spoken[16_000:-16_000]) - 1
    assert -0.006 <= offset_s <= late_s
    shift = round(offset_s * SAMPLE_RATE)
    both = min(len(heard) - shift, len(spoken)) - 2_000
    correlation = np.corrcoef(heard[2_000 + shift : both + shift], spoken[2_000:both])[0, 1]
    assert correlation > 0.95
    assert 0.6 < heard.std() / spoken.std() < 1.1
    assert abs(len(heard) - len(spoken)) < 0.06 * SAMPLE_RATE


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_recording(tmp_path: Path, spoken: Waveform, name: str) -> None:
    source = FileSource(record(tmp_path / name, spoken, KINDS[name]))
    assert isinstance(source, AudioSource)
    assert (source.name, source.is_live) == (name, False)
    assert source.duration_s == pytest.approx(11.0, abs=0.1)

    frames = list(source.frames())

    assert {len(frame) for frame in frames[:-1]} == {FRAME_SAMPLES}
    assert_same_speech(np.concatenate(frames), spoken)
    assert source.warnings == []


@pytest.mark.parametrize("name", VIDEOS)
def test_every_kind_of_video(tmp_path: Path, spoken: Waveform, name: str) -> None:
    sound, video = VIDEOS[name]
    assert_same_speech(read(record(tmp_path / name, spoken, sound, video)), spoken)


def test_16_khz_mono_passes_sample_by_sample(tmp_path: Path, spoken: Waveform) -> None:
    for codec in ("pcm_s16le", "pcm_s24le", "pcm_f32le"):
        np.testing.assert_array_equal(read(record(tmp_path / "a.wav", spoken, Sound(codec))), spoken)


def test_surround_is_mixed_with_the_dialogue_loudest(tmp_path: Path) -> None:
    path = tmp_path / "surround.wav"
    levels = []
    for channel in range(6):
        pcm = np.zeros((SAMPLE_RATE, 6), np.float32)
        pcm[:, channel] = 0.5
        with av.open(str(path), "w") as container:
            stream = container.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout="5.1")
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="flt", layout="5.1")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
        levels.append(2 * float(read(path)[8_000]))
    assert levels == pytest.approx([0.5, 0.5, 0.7071, 0, 0.3536, 0.3536], abs=1e-4)


def test_tracks_of_a_recorder_are_averaged(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tracks.wav"), "wb") as file:
        file.setparams((4, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(np.tile(np.array([0, 8_192, 16_384, 24_576], "<i2"), SAMPLE_RATE).tobytes())
    assert read(tmp_path / "tracks.wav") == pytest.approx(12_288 / 32_768)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
def test_sound_that_starts_late_keeps_the_time_of_the_video(tmp_path: Path, spoken: Waveform, name: str) -> None:
    heard = read(record(tmp_path / name, spoken, Sound("aac", 48_000, start_s=1.5), "mpeg4"))
    assert starts_at(heard, spoken[48_000:64_000]) == pytest.approx(4.5, abs=0.01)
    assert not heard[: SAMPLE_RATE + 4_000].any()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_hole_in_the_sound_keeps_the_time_of_the_video(tmp_path: Path, spoken: Waveform, name: str) -> None:
    sound = Sound("aac", 48_000, gap_at_s=5, gap_s=2)
    heard = read(record(tmp_path / name, spoken, sound, "mpeg4"))
    assert starts_at(heard, spoken[48_000:64_000]) == pytest.approx(3, abs=0.01)
    assert starts_at(heard, spoken[128_000:144_000]) == pytest.approx(10, abs=0.01)
    assert len(heard) / SAMPLE_RATE == pytest.approx(13, abs=0.05)


def test_jitter_of_time_stamps_adds_nothing(tmp_path: Path, spoken: Waveform) -> None:
    sound = Sound("aac", 48_000, gap_at_s=5, gap_s=0.04)
    heard = read(record(tmp_path / "a.mkv", spoken, sound, "mpeg4"))
    assert starts_at(heard, spoken[128_000:144_000]) == pytest.approx(8, abs=0.01)


@pytest.mark.parametrize("name", ["a.mp3", "s16.flac", "a.webm", "a.m4a", "a.ogg"])
def test_damage_in_the_middle_is_skipped(
    tmp_path: Path, spoken: Waveform, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / name, spoken, KINDS[name])
    data = bytearray(path.read_bytes())
    middle, hole = len(data) // 2, len(data) // 20
    data[middle : middle + hole] = np.random.default_rng(0).bytes(hole)
    path.write_bytes(data)

    heard = read(path)

    assert starts_at(heard[:80_000], spoken[16_000:48_000]) == pytest.approx(1, abs=0.03)
    # mp3 has no time stamps: what is lost there is lost from the time too.
    assert starts_at(heard, spoken[144_000:168_000]) == pytest.approx(9, abs=0.6 if name == "a.mp3" else 0.03)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.mp3", "s16.flac", "a.webm", "s16.wav", "a.ogg"])
def test_a_file_cut_off_is_read_as_far_as_it_goes(
    tmp_path: Path, spoken: Waveform, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / name, spoken, KINDS[name])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = FileSource(path)
    heard = np.concatenate(list(source.frames()))
    assert len(heard) / SAMPLE_RATE == pytest.approx(5.5, abs=1)
    assert starts_at(heard, spoken[16_000:64_000]) == pytest.approx(1, abs=0.03)
    if name in ("a.mp3", "s16.flac", "a.webm"):  # the others do not say how long they should be
        assert "of the 11.0 s that the file announces" in source.warnings[-1]
    assert capfd.readouterr() == ("", "")


def test_a_format_that_changes_on_the_way(tmp_path: Path, spoken: Waveform) -> None:
    first = record(tmp_path / "1.mp3", spoken, Sound("libmp3lame", 44_100, "stereo"))
    second = record(tmp_path / "2.mp3", spoken, Sound("libmp3lame", 32_000))
    first.write_bytes(first.read_bytes() + second.read_bytes())
    heard = read(first)
    assert len(heard) == pytest.approx(2 * len(spoken), abs=4_000)
    assert starts_at(heard[:176_000], spoken[48_000:80_000]) == pytest.approx(3, abs=0.05)
    assert starts_at(heard[176_000:], spoken[48_000:80_000]) == pytest.approx(3, abs=0.1)


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path, spoken: Waveform) -> None:
    broken = spoken.copy()
    broken[[20_000, 40_000, 60_000]] = np.nan, np.inf, -np.inf
    heard = read(record(tmp_path / "a.wav", broken, Sound("pcm_f32le")))
    assert not heard[[20_000, 40_000, 60_000]].any()
    np.testing.assert_array_equal(
        np.delete(heard, [20_000, 40_000, 60_000]), np.delete(spoken, [20_000, 40_000, 60_000])
    )


def test_odd_names_and_tags_are_no_obstacle(tmp_path: Path, spoken: Waveform, monkeypatch: pytest.MonkeyPatch) -> None:
    # Relative names, because FFmpeg takes what stands before a colon for a protocol.
    monkeypatch.chdir(tmp_path)
    plain = record(tmp_path / "a.wav", spoken, Sound("pcm_s16le")).read_bytes()
    title = struct.pack("<4sI4s4sI", b"LIST", 16, b"INFO", b"INAM", 4) + b"caf\xe9"
    tagged = plain[:12] + title + plain[12:]
    for name in ("10:30.wav", "%d ü.wav", os.fsdecode(b"caf\xe9.wav"), "no suffix"):
        Path(name).write_bytes(tagged)
        np.testing.assert_array_equal(read(Path(name)), spoken)


def test_frames_can_be_read_again_until_close(tmp_path: Path, spoken: Waveform) -> None:
    source = FileSource(record(tmp_path / "a.flac", spoken, Sound("flac")))
    next(source.frames())
    np.testing.assert_array_equal(np.concatenate(list(source.frames())), spoken)
    frames = source.frames()
    next(frames)
    source.close()
    assert sum(map(len, frames)) < SAMPLE_RATE
    assert list(source.frames()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_named_pipe_is_read_once(tmp_path: Path, spoken: Waveform) -> None:
    data = record(tmp_path / "a.wav", spoken, Sound("pcm_s16le")).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    writer.start()
    np.testing.assert_array_equal(read(tmp_path / "pipe"), spoken)
    writer.join()


MEASURE = """
import resource, sys
from speech3n.audio.source import FileSource
samples = sum(map(len, FileSource(sys.argv[1]).frames()))
print(samples, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = {}
    for minutes in (3, 60):
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 1, 8_000, 0, "NONE", ""))
            for _ in range(minutes):
                file.writeframes(bytes(range(96, 160)) * 7_500)
        out = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
        samples, peaks[minutes] = map(int, out.stdout.split())
        assert samples == minutes * 60 * SAMPLE_RATE
    assert peaks[60] - peaks[3] < 10_000, f"peak memory in KiB: {peaks}"


def refuse(path: Path) -> AudioError:
    with pytest.raises(AudioError) as caught:
        list(FileSource(path).frames())
    error = caught.value
    assert str(path) in error.message
    assert error.hint
    assert "\n" not in str(error)
    return error


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "does not exist" in refuse(tmp_path / "missing.wav").message
    assert "is a folder" in refuse(tmp_path).message
    (tmp_path / "empty.wav").touch()
    assert "is empty" in refuse(tmp_path / "empty.wav").message
    assert "Not a directory" in refuse(tmp_path / "empty.wav" / "a.wav").message


def test_a_file_without_permission(tmp_path: Path, unreadable: Callable[[Path], None]) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(b"RIFF")
    unreadable(path)
    assert "permission denied" in refuse(path).message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.wav", b"This is not sound.\n" * 99),
        ("short.wav", b"x"),
        ("noise.mp3", np.random.default_rng(0).bytes(100_000)),
        ("subtitles.wav", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n"),
        ("playlist.wav", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n"),
    ],
)
def test_what_is_no_sound(tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(content)
    refuse(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_a_header_without_samples(tmp_path: Path, spoken: Waveform) -> None:
    path = record(tmp_path / "a.wav", spoken, Sound("pcm_s16le"))
    path.write_bytes(path.read_bytes()[:78])
    assert "yields no audio" in refuse(path).message


def test_a_video_without_sound(tmp_path: Path) -> None:
    assert "video without a sound track" in refuse(record_silent_video(tmp_path / "mute.mp4")).message


def test_a_sound_track_in_an_unknown_format(tmp_path: Path, spoken: Waveform) -> None:
    path = record(tmp_path / "a.mka", spoken, Sound("libopus", 48_000))
    path.write_bytes(path.read_bytes().replace(b"A_OPUS", b"A_WHAT"))
    assert "cannot be decoded" in refuse(path).message
