"""Sound as files: read whole, and written as 16-bit WAV."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np

from speech3n.errors import StorageError
from speech3n.types import SAMPLE_RATE, Waveform


def read_audio(path: Path) -> Waveform:
    """All samples of an audio file, mono at 16 kHz, shape [T]; raises AudioError."""
    from speech3n.audio.source import FileSource

    source = FileSource(path)
    try:
        return np.concatenate([np.zeros(0, dtype=np.float32), *source.frames()])
    finally:
        source.close()


def write_wav(path: Path, pcm: Waveform) -> None:
    """Write mono 16 kHz samples as a 16-bit WAV file; raises StorageError."""
    samples = np.clip(np.rint(pcm * 32768.0), -32768, 32767).astype("<i2")
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", "Choose another folder.") from error


def write_wav_once(path: Path, pcm: Waveform) -> None:
    """Write a file whose name says what is in it, whole or not at all, and make its folder; raises StorageError."""
    if path.exists():
        return
    draft = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(draft, pcm)
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", "Choose another --cache.") from error


def cache_folder() -> Path:
    """Where results are kept: SPEECH3N_EVAL_CACHE, or `eval` in the user's cache folder for speech3n."""
    if configured := os.environ.get("SPEECH3N_EVAL_CACHE"):
        return Path(configured).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("speech3n") / "eval"
