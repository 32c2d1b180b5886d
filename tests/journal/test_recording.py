"""The recording is whole after a crash, readable while it is written, and honest about a full disk."""

import os
import shutil
import signal
import subprocess
import sys
import wave
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.journal import recording as recording_module
from speech3n.journal.recording import FILE_SAMPLES, Recording
from speech3n.types import SAMPLE_RATE
from tests.conftest import full_disk


def ramp(count: int) -> np.ndarray:
    return (np.arange(count) % 1000 / 1000 - 0.5).astype(np.float32)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=12), st.data())
def test_what_is_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("recording")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording_module, "FILE_SAMPLES", 500)
        pcm = ramp(sum(sizes))
        recording = Recording(folder)
        for end in np.cumsum(sizes):
            recording.append(pcm[recording.samples : end])
        recording.close()
        start = data.draw(st.integers(0, len(pcm)))
        count = data.draw(st.integers(0, len(pcm)))
        got = recording.read(start, count)
        np.testing.assert_allclose(got, pcm[start : start + count], atol=1e-4)
        assert Recording(folder).samples == len(pcm)


def test_a_closed_recording_is_a_plain_wav_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(ramp(SAMPLE_RATE))
    recording.close()
    with wave.open(str(tmp_path / "audio-00000.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (SAMPLE_RATE, 1, SAMPLE_RATE)


def test_kill_dash_nine_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    program = (
        "import sys, os, numpy as np; from pathlib import Path; from speech3n.journal.recording import Recording\n"
        "r = Recording(Path(sys.argv[1]))\n"
        "for _ in range(10): r.append(np.full(2560, 0.25, np.float32))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    recording = Recording(tmp_path)
    assert recording.samples == 25_600
    np.testing.assert_allclose(recording.read(0, 30_000), 0.25, atol=1e-4)


def test_a_full_disk_is_said_once_and_recording_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "_RETRY_EVERY_S", 0.0)
    recording = Recording(tmp_path)
    pcm = ramp(4000)
    assert recording.append(pcm[:1000]) is None
    with full_disk(tmp_path / "audio-00000.wav", room=1000):
        stopped = recording.append(pcm[1000:2000])
        assert recording.append(pcm[2000:3000]) is None
    assert stopped is not None
    assert stopped.severity == "error"
    assert "stopped" in stopped.message
    resumed = recording.append(pcm[3000:])
    assert resumed is not None
    assert "0.1 s are missing" in resumed.message
    # Half of the second piece found room; what came after the hole is in its place.
    assert recording.holes == [(1500, 3000)]
    assert recording.holds(0, 1500)
    assert not recording.holds(1400, 1600)
    recording.close()
    kept = Recording(tmp_path).read(0, 5000)
    np.testing.assert_allclose(kept[:1500], pcm[:1500], atol=1e-4)
    np.testing.assert_allclose(kept[3000:], pcm[3000:], atol=1e-4)
    assert not kept[1500:3000].any()


def test_a_disk_that_is_full_from_the_start_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "_RETRY_EVERY_S", 0.0)
    recording = Recording(tmp_path)
    pcm = ramp(3000)
    (tmp_path / "empty").touch()
    with full_disk(tmp_path / "empty"):
        stopped = recording.append(pcm[:1000])
        assert recording.append(pcm[1000:2000]) is None
    assert not list(tmp_path.glob("*.wav")), "a file without a header is no sound to anybody"
    resumed = recording.append(pcm[2000:])
    recording.close()
    assert stopped is not None
    assert resumed is not None
    assert recording.holes == [(0, 2000)]
    with wave.open(str(tmp_path / "audio-00000.wav")) as file:
        assert file.getnframes() == 3000


def test_a_file_that_cannot_be_completed_does_not_end_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "_RETRY_EVERY_S", 0.0)
    monkeypatch.setattr(recording_module, "FILE_SAMPLES", 500)
    recording = Recording(tmp_path)
    pcm = ramp(1000)
    recording.append(pcm[:500])
    with monkeypatch.context() as patch:
        patch.setattr(recording_module.os, "fsync", lambda file: os.pread(-1, 0, 0))
        stopped = recording.append(pcm[500:700])
    assert stopped is not None
    assert stopped.severity == "error"
    assert recording.append(pcm[700:]) is not None
    recording.close()
    np.testing.assert_allclose(Recording(tmp_path).read(700, 300), pcm[700:], atol=1e-4)


def test_what_is_captured_after_the_end_is_written_nowhere(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(ramp(100))
    recording.close()
    # Descriptors are used again: a file of somebody else's may have the number now.
    with (tmp_path / "transcript.txt").open("w") as other:
        assert recording.append(ramp(2560)) is None
        recording.close()
        assert not other.closed
    assert (recording.samples, recording.holes) == (100, [])
    assert (tmp_path / "transcript.txt").read_bytes() == b""


def test_what_is_no_file_is_no_sound_and_what_is_missing_is_one_hole(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(ramp(1_000))
    recording.close()
    (tmp_path / "audio-00001.wav").mkdir()
    os.mkfifo(tmp_path / "audio-00002.wav")
    (tmp_path / "audio-00003.wav").symlink_to(tmp_path / "audio-00003.wav")
    shutil.copyfile(tmp_path / "audio-00000.wav", tmp_path / "audio-99999.wav")
    left = Recording(tmp_path)
    last = 99_999 * FILE_SAMPLES
    assert (left.samples, left.holes) == (last + 1_000, [(1_000, last)])
    assert len(left.read(0, 2_000)) == 1_000


def test_a_file_that_is_gone_is_a_hole_and_the_others_keep_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "FILE_SAMPLES", 500)
    pcm = ramp(1700)
    with closing(Recording(tmp_path)) as recording:
        recording.append(pcm)
    (tmp_path / "audio-00000.wav").unlink()
    left = Recording(tmp_path)
    assert (left.samples, left.holes) == (1700, [(0, 500)])
    np.testing.assert_allclose(left.read(500, 2000), pcm[500:], atol=1e-4)


def test_only_its_owner_may_read_a_recording(tmp_path: Path) -> None:
    with closing(Recording(tmp_path)) as recording:
        recording.append(ramp(100))
    assert (tmp_path / "audio-00000.wav").stat().st_mode & 0o777 == 0o600


def test_sound_reaches_the_disk_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, synced = [0.0], []
    monkeypatch.setattr(recording_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(recording_module.os, "fdatasync", lambda file: synced.append(clock[0]))
    recording = Recording(tmp_path)
    for _ in range(50):
        clock[0] += 0.16
        recording.append(ramp(2560))
    recording.close()
    assert len(synced) >= 7
    assert max(np.diff([0.0, *synced])) <= 1.0 + 0.16


def test_deleting_removes_the_sound_only(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(ramp(100))
    (tmp_path / "transcript.txt").write_text("kept")
    (tmp_path / "audio-00007.wav").write_bytes(b"somebody's own")
    recording.delete()
    assert sorted(os.listdir(tmp_path)) == ["audio-00007.wav", "transcript.txt"]  # noqa: PTH208
