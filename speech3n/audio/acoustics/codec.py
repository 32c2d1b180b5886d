"""Sound as a lossy codec leaves it: a phone call, a video meeting, a podcast."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from speech3n.audio.encode import encode
from speech3n.types import SAMPLE_RATE, Waveform


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec of FFmpeg's, and where in bits a second speech is still understood but no longer as it was."""

    name: str
    container: str
    bits_per_second: tuple[int, int]
    sample_rate: int = SAMPLE_RATE


CODECS = (
    Codec("libopus", "ogg", (6_000, 24_000)),
    Codec("libmp3lame", "mp3", (8_000, 32_000)),
    Codec("aac", "adts", (12_000, 32_000)),
    Codec("libopencore_amrnb", "amr", (4_750, 12_200), 8_000),
)
"""Meetings and voice messages, old recordings, videos, mobile phones."""


def through_codec(pcm: Waveform, codec: Codec, bits_per_second: int) -> Waveform:
    """[T] after coding and decoding, shape [T]; up to 0.1 s later, as some codecs do not say how late they are.

    Raises ValueError where FFmpeg was built without that codec.
    """
    import av
    import soxr

    sound = pcm if codec.sample_rate == SAMPLE_RATE else soxr.resample(pcm, SAMPLE_RATE, codec.sample_rate, "HQ")
    data = encode(sound, codec.name, codec.container, bits_per_second, codec.sample_rate)
    with av.open(io.BytesIO(data), "r", format=codec.container) as file:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        pieces = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
        pieces += resampler.resample(None)
    decoded = np.concatenate([piece.to_ndarray()[0] for piece in pieces])[: len(pcm)]
    whole: Waveform = np.pad(decoded, (0, len(pcm) - len(decoded))).astype(np.float32)
    return whole
