"""Clips joined into one recording lie where they say."""

from pathlib import Path

import numpy as np
import pytest

from speech3n.eval.sets.audio_files import read_audio, write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.joined import join_clips
from speech3n.types import SAMPLE_RATE


def tone(seconds: float, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "a.wav", tone(0.5))
    return tmp_path


def test_joined_clips_lie_where_they_say(folder: Path) -> None:
    second = np.concatenate([tone(0.25), np.zeros(SAMPLE_RATE // 4, dtype=np.float32)])
    write_wav(folder / "b.wav", second)
    clips = [Clip(folder / name, "es", name, 0.5) for name in ("a.wav", "b.wav")]
    recording = join_clips(clips, gap_s=0.8)
    assert recording.duration_s == pytest.approx(2.6)
    assert [(clip.start, clip.end) for clip in recording.clips] == [(0.0, 0.5), (1.3, 1.8)]
    assert [clip.sound_end for clip in recording.clips] == pytest.approx([0.5, 1.55])
    start, end = (round(time * SAMPLE_RATE) for time in (1.3, 1.8))
    np.testing.assert_allclose(recording.pcm[start:end], second, atol=1e-4)
    assert not recording.pcm[round(0.5 * SAMPLE_RATE) : start].any()


def test_sound_ends_at_the_last_frame_above_the_noise_floor(folder: Path) -> None:
    write_wav(folder / "b.wav", np.concatenate([tone(0.3), tone(0.2, amplitude=0.001)]))
    assert join_clips([Clip(folder / "b.wav", "es", "", 0.5)], 0.0).clips[0].sound_end == pytest.approx(0.3)


def test_wav_files_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    pcm = np.array([0.0, 0.5, -0.5, 1.0, -1.0] * 1000, dtype=np.float32)
    write_wav(tmp_path / "x.wav", pcm)
    np.testing.assert_allclose(read_audio(tmp_path / "x.wav"), pcm, atol=2**-15)
