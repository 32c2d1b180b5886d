"""The sound of a clip inside the page: MP3, which every browser plays, as a data URI."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np

from speech3n.errors import AudioError
from speech3n.types import SAMPLE_RATE, Waveform

_BITS_PER_SECOND = 48_000


def sound_uri(path: Path) -> str | None:
    """The sound file as `data:audio/mpeg;base64,...`; None where it can't be read or encoded."""
    from av.error import FFmpegError

    from eval.datasets import read_audio

    try:
        data = encode_mp3(read_audio(path))
    except (AudioError, FFmpegError, ValueError):
        return None
    return f"data:audio/mpeg;base64,{base64.b64encode(data).decode('ascii')}"


def encode_mp3(pcm: Waveform) -> bytes:
    """Mono MP3 of samples [T] at 16 kHz, 48 kbit/s.

    Raises ValueError where PyAV has no MP3 encoder, FFmpegError where it fails.
    """
    import av

    samples = np.clip(np.rint(pcm * 32768.0), -32768, 32767).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = _BITS_PER_SECOND
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=SAMPLE_RATE)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return file.getvalue()
