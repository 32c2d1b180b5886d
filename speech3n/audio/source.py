"""Where sound comes from: files here, pipes in `pcm`, devices in `microphone`; all give the same frames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from speech3n.audio import decode
from speech3n.audio.pcm import PcmSource
from speech3n.audio.resample import Framer, Resampler
from speech3n.audio.timeline import Timeline
from speech3n.errors import AudioError
from speech3n.types import Waveform

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

__all__ = ["AudioSource", "FileSource", "PcmSource"]

_CUT_OFF = 0.9
"""Sound shorter than this part of what the file announces is worth a warning; announcements are often rough."""
_BLOCK_S = 0.5
"""Codecs decode 20 ms at a time; resampling that little costs more in calls than in arithmetic."""


@runtime_checkable
class AudioSource(Protocol):
    """Sound as 16 kHz mono float32 frames of FRAME_SAMPLES."""

    @property
    def name(self) -> str:
        """What people call it: file name, device name, `stdin`."""
        ...

    @property
    def duration_s(self) -> float | None:
        """How long it lasts, None where that is unknown (microphone, pipe)."""
        ...

    @property
    def is_live(self) -> bool:
        """True for sound that is gone if it is not read now; False for sound read at any speed."""
        ...

    def frames(self) -> Iterator[Waveform]:
        """Yield frames of FRAME_SAMPLES, the last one maybe shorter; after a DeviceError call it again."""
        ...

    def close(self) -> None:
        """End `frames` soon and free what is open; safe from any thread, and final."""
        ...


class FileSource:
    """The sound of a recording or video of any kind that FFmpeg reads; memory does not grow with its length.

    Opening it raises AudioError where there is nothing to hear: a missing or empty file, a folder, text, a
    video without sound. Damaged parts are skipped; `warnings` then says so. Where the sound starts late or
    has a hole in its time stamps there is silence, so that times match the video.
    """

    is_live = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self.warnings: list[str] = []
        # Kept open for `frames`: a named pipe can be opened only once.
        container, stream = decode.open_audio(self.path)
        self._opened: tuple[InputContainer, av.AudioStream] | None = (container, stream)
        self.duration_s = decode.duration_s(container, stream)
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield 16 kHz mono frames; raises AudioError where not one sample could be decoded."""
        if self._closed.is_set():
            return
        opened, self._opened = self._opened, None
        container, stream = opened or decode.open_audio(self.path)
        self.warnings.clear()
        framer = Framer()
        try:
            for block in self._blocks(container, stream):
                yield from framer.push(block)
                if self._closed.is_set():
                    return
            yield from framer.flush()
        finally:
            container.close()

    def close(self) -> None:
        """End `frames` at the next block and close the file."""
        self._closed.set()
        opened, self._opened = self._opened, None
        if opened:
            opened[0].close()

    def _blocks(self, container: InputContainer, stream: av.AudioStream) -> Iterator[Waveform]:
        timeline = Timeline(decode.start_s(container), self.duration_s)
        track = _Track(timeline)
        for frame in decode.decode(container, stream, self.warnings):
            yield from track.push(frame)
        yield from track.flush()
        if not track.is_heard:
            reason = " ".join(self.warnings) or "Its sound track is empty."
            raise AudioError(f"{self.path} yields no audio. {reason}", "Check that it plays; copy it again.")
        announced_s = decode.announced_s(container, stream)
        if announced_s and timeline.position_s < min(announced_s - 1, announced_s * _CUT_OFF):
            self.warnings.append(
                f"Only {timeline.position_s:.1f} s of the {announced_s:.1f} s that the file announces can be read."
            )


class _Track:
    """One sound track on its way to 16 kHz: blocks gathered, holes filled, format changes survived."""

    def __init__(self, timeline: Timeline) -> None:
        self.is_heard = False
        self._timeline = timeline
        self._resampler: Resampler | None = None
        self._format: tuple[int, str] | None = None
        self._pending: list[NDArray[np.float32]] = []
        self._pending_samples = 0

    def push(self, frame: av.AudioFrame) -> Iterator[Waveform]:
        """Take a decoded frame; yield what is ready at 16 kHz, in blocks of a second at most."""
        if not frame.samples:
            return
        resampler = self._resampler
        if resampler is None or self._format != (frame.sample_rate, frame.layout.name):
            yield from self.flush()
            resampler = self._begin(frame)
        stamp_s = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        gap_s = self._timeline.gap_before(stamp_s)
        if gap_s:
            yield from self._drain()
            yield from self._silence(resampler, round(gap_s * frame.sample_rate))
        self.is_heard = True
        self._pending.append(decode.samples(frame))
        self._pending_samples += frame.samples
        self._timeline.advance(frame.samples / frame.sample_rate)
        if self._pending_samples >= _BLOCK_S * frame.sample_rate:
            yield from self._drain()

    def flush(self) -> Iterator[Waveform]:
        """Yield the tail."""
        yield from self._drain()
        if self._resampler is not None:
            yield self._resampler.flush()

    def _begin(self, frame: av.AudioFrame) -> Resampler:
        weights = decode.mix_weights(frame.layout)
        self._format = (frame.sample_rate, frame.layout.name)
        self._resampler = Resampler(frame.sample_rate, len(weights), weights)
        return self._resampler

    def _drain(self) -> Iterator[Waveform]:
        if self._resampler is not None and self._pending:
            yield self._resampler.push(np.concatenate(self._pending))
        self._pending.clear()
        self._pending_samples = 0

    def _silence(self, resampler: Resampler, samples: int) -> Iterator[Waveform]:
        self._timeline.advance(samples / resampler.source_rate)
        second = np.zeros((resampler.source_rate, resampler.channels), np.float32)
        for start in range(0, samples, len(second)):
            yield resampler.push(second[: samples - start])
