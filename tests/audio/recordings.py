"""Recordings for tests: real speech encoded by PyAV into whatever container and codec a test asks for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from speech3n.audio.source import FileSource
from speech3n.types import SAMPLE_RATE, Waveform

SPEECH = Path(__file__).parents[2] / "speech3n" / "examples" / "en-jfk.flac"


def speech() -> Waveform:
    """Return 11 s of real speech."""
    return read(SPEECH)


def read(path: Path) -> Waveform:
    """Return all of a recording."""
    return np.concatenate(list(FileSource(path).frames()))


@dataclass(frozen=True)
class Sound:
    """How the sound track is encoded; it starts at `start_s`, and from `gap_at_s` on it is `gap_s` later."""

    codec: str
    rate: int = SAMPLE_RATE
    layout: str = "mono"
    start_s: float = 0.0
    gap_at_s: float = 0.0
    gap_s: float = 0.0


def record(
    path: Path, waveform: Waveform, sound: Sound, video: str | None = None, *, seconds: float | None = None
) -> Path:
    """Write a recording, with a video track of `video` encoding beside it where given."""
    with av.open(str(path), "w") as container:
        pictures = _pictures(container, video, seconds or len(waveform) / SAMPLE_RATE + 3) if video else []
        packets = pictures + _encode(container, waveform, sound)
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            container.mux(packet)
    return path


def record_silent_video(path: Path) -> Path:
    """Write a video without a sound track."""
    with av.open(str(path), "w") as container:
        for packet in _pictures(container, "mpeg4", 2.0):
            container.mux(packet)
    return path


def _encode(container: av.container.OutputContainer, waveform: Waveform, sound: Sound) -> list[av.Packet]:
    stream = container.add_stream(sound.codec, rate=sound.rate, layout=sound.layout)
    assert isinstance(stream, av.AudioStream)
    resampler = av.AudioResampler(
        stream.codec_context.format, sound.layout, sound.rate, stream.codec_context.frame_size or 1_024
    )
    whole = av.AudioFrame.from_ndarray(waveform[None], format="flt", layout="mono")
    whole.sample_rate, whole.pts = SAMPLE_RATE, 0
    packets: list[av.Packet] = []
    for frame in resampler.resample(whole) + resampler.resample(None):
        frame.pts += round(sound.start_s * sound.rate)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    for packet in packets:
        if sound.gap_s and packet.pts * packet.time_base >= sound.start_s + sound.gap_at_s:
            packet.pts += round(sound.gap_s / packet.time_base)
            packet.dts = packet.pts
    return packets


def _pictures(container: av.container.OutputContainer, codec: str, seconds: float) -> list[av.Packet]:
    stream = container.add_stream(codec, rate=10)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets: list[av.Packet] = []
    for number in range(round(seconds * 10)):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 256, np.uint8), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 10)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
