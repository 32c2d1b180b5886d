"""The recording is whole after a crash, readable while it is written, and honest about a full disk."""

import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.errors import StorageError
from speech3n.journal import recording as recording_module
from speech3n.journal.recording import Recording
from speech3n.types import SAMPLE_RATE


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    (tmp_path / "audio-00000.wav").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        recording.append(ramp(100))
    with pytest.raises(StorageError):
        recording.append(ramp(100))


def test_deleting_removes_the_sound_only(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(ramp(100))
    (tmp_path / "transcript.txt").write_text("kept")
    recording.delete()
    assert os.listdir(tmp_path) == ["transcript.txt"]  # noqa: PTH208
