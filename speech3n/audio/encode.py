"""Sound through PyAV (FFmpeg) into the bytes of a compressed file."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np

from speech3n.types import SAMPLE_RATE, Waveform


def encode(waveform: Waveform, codec: str, container: str, bit_rate: int, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A mono file of samples [T] in -1..1 at `sample_rate` Hz; louder ones are clipped.

    `codec` and `container` are FFmpeg's names (libopus in ogg, libmp3lame in mp3), `bit_rate` is in bits a second.
    Raises ValueError where FFmpeg was built without that codec, av.FFmpegError where it refuses.
    """
    import av

    samples = np.clip(np.rint(waveform * 32_768.0), -32_768, 32_767).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=sample_rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), 0
        # The encoder's own sample format and frame size.
        resampler = av.AudioResampler(stream.format, "mono", sample_rate, stream.frame_size or None)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            output.mux(stream.encode(piece))
    return file.getvalue()
