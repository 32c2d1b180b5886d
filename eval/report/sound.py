"""The sound of a clip inside the page: MP3, which every browser plays, as a data URI."""

from __future__ import annotations

import base64
from pathlib import Path

from speech3n.audio.encode import encode
from speech3n.errors import AudioError

_BITS_PER_SECOND = 48_000


def sound_uri(path: Path) -> str | None:
    """The sound file as `data:audio/mpeg;base64,...`; None where it can't be read or encoded."""
    from av.error import FFmpegError

    from speech3n.eval.sets.audio_files import read_audio

    try:
        data = encode(read_audio(path), "libmp3lame", "mp3", _BITS_PER_SECOND)
    except (AudioError, FFmpegError, ValueError):
        return None
    return f"data:audio/mpeg;base64,{base64.b64encode(data).decode('ascii')}"
