"""A sound track on its way to 16 kHz mono, at the times that its container shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from speech3n.audio import decode
from speech3n.audio.decode import Piece
from speech3n.audio.media import Media
from speech3n.audio.resample import Resampler
from speech3n.audio.timeline import Timeline
from speech3n.errors import AudioError
from speech3n.types import Waveform

_CUT_OFF = 0.9
"""Sound shorter than this part of what the file announces is worth a warning; announcements are often rough."""
_BLOCK_S = 0.5
"""Codecs decode 20 ms at a time; resampling that little costs more in calls than in arithmetic."""


def waveforms(media: Media, warnings: list[str]) -> Iterator[Waveform]:
    """Yield all sound of a container at 16 kHz in blocks of a second at most; `warnings` gets what was wrong with it.

    Raises AudioError where not one sample could be decoded.
    """
    track = _Track()
    for link in chain((media,), media.following):
        timeline = track.begin(Timeline(link.start_s, link.duration_s, link.holdings))
        for piece, next_stamp_s in _with_next_stamp(decode.decode(link, warnings), timeline):
            yield from track.push(piece, next_stamp_s)
        if link is not media:
            link.close()
    yield from track.flush()
    warnings.extend(media.notes)
    if not track.has_sound:
        reason = " ".join(warnings) or "Its sound track is empty."
        raise AudioError(f"{media.name} yields no audio. {reason}", "Check that it plays; copy it again.")
    announced_s = media.announced_s
    if announced_s and timeline.position_s < min(announced_s - 1, announced_s * _CUT_OFF):
        warnings.append(
            f"Only {timeline.position_s:.1f} s of the {announced_s:.1f} s that the file announces can be read."
        )


def _with_next_stamp(pieces: Iterator[Piece], timeline: Timeline) -> Iterator[tuple[Piece, float | None]]:
    """Each piece with the time stamp of the one after it, where that matters: else it would come a piece late."""
    for piece in pieces:
        following: Piece | None = piece
        while following is not None:
            piece, following = following, None
            if timeline.needs_confirmation(piece.stamp_s):
                following = next(pieces, None)
                if following is None:
                    # The last piece: nothing bears out what its stamp says.
                    yield piece, math.inf
                    return
            yield piece, following.stamp_s if following is not None else None


class _Track:
    """Pieces gathered, holes filled, format changes survived."""

    def __init__(self) -> None:
        self.has_sound = False
        self._timeline = Timeline(None, None)
        self._resampler: Resampler | None = None
        self._format: tuple[int, str] | None = None
        self._pending: list[NDArray[np.float32]] = []
        self._pending_samples = 0

    def begin(self, timeline: Timeline) -> Timeline:
        """Go by another clock from here."""
        self._timeline = timeline
        return timeline

    def push(self, piece: Piece, next_stamp_s: float | None) -> Iterator[Waveform]:
        """Take a piece; yield what is ready at 16 kHz, in blocks of a second at most."""
        resampler = self._resampler
        if resampler is None or self._format != (piece.rate, piece.layout):
            yield from self.flush()
            resampler = self._begin_format(piece)
        gap_s = self._timeline.gap_before(piece.stamp_s, piece.place, next_stamp_s)
        if gap_s:
            yield from self._drain()
            yield from self._silence(resampler, round(gap_s * piece.rate))
        self.has_sound = True
        self._pending.append(piece.samples)
        self._pending_samples += len(piece.samples)
        self._timeline.advance(piece.duration_s, piece.place)
        if self._pending_samples >= _BLOCK_S * piece.rate:
            yield from self._drain()

    def flush(self) -> Iterator[Waveform]:
        """Yield the tail."""
        yield from self._drain()
        if self._resampler is not None:
            yield self._resampler.flush()

    def _begin_format(self, piece: Piece) -> Resampler:
        self._format = (piece.rate, piece.layout)
        self._resampler = Resampler(piece.rate, len(piece.weights), piece.weights)
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
