"""A sound track on its way to 16 kHz mono: frames gathered, holes filled, format changes survived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.audio import decode
from speech3n.audio.media import Media
from speech3n.audio.resample import Resampler
from speech3n.audio.timeline import Timeline
from speech3n.errors import AudioError
from speech3n.types import Waveform

if TYPE_CHECKING:
    import av

_CUT_OFF = 0.9
"""Sound shorter than this part of what the file announces is worth a warning; announcements are often rough."""
_BLOCK_S = 0.5
"""Codecs decode 20 ms at a time; resampling that little costs more in calls than in arithmetic."""


def waveforms(media: Media, warnings: list[str]) -> Iterator[Waveform]:
    """Yield all sound of a container at 16 kHz in blocks of a second at most; `warnings` gets what was wrong with it.

    Raises AudioError where not one sample could be decoded.
    """
    timeline = Timeline(media.start_s, media.duration_s)
    track = _Track(timeline)
    for frame in decode.decode(media, warnings):
        yield from track.push(frame)
    yield from track.flush()
    if not track.is_heard:
        reason = " ".join(warnings) or "Its sound track is empty."
        raise AudioError(f"{media.name} yields no audio. {reason}", "Check that it plays; copy it again.")
    announced_s = media.announced_s
    if announced_s and timeline.position_s < min(announced_s - 1, announced_s * _CUT_OFF):
        warnings.append(
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
