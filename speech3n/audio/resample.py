"""From any sample rate and any channels to 16 kHz mono, block by block, without a seam between blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.mix import Mixer
from speech3n.errors import AudioError
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

if TYPE_CHECKING:
    import soxr

LOWEST_RATE = 4_000
HIGHEST_RATE = 384_000

# 18 dB above full scale: more than any decoder overshoots, little enough that no filter overflows.
_LOUDEST = 8.0


class Resampler:
    """Turn blocks of any length into 16 kHz mono, equal to resampling the whole at once (libsoxr HQ).

    The filter looks ahead, so that what comes out lags what went in by 35-120 ms of sound until `flush`.
    Audio that is 16 kHz already passes unchanged and without delay. `weights` [C] mix the channels, by
    default their mean; where they cancel out the loudest is taken. NaN and infinity become silence. A rate
    outside 4-384 kHz raises AudioError.
    """

    def __init__(self, source_rate: int, channels: int = 1, weights: Sequence[float] | None = None) -> None:
        if not LOWEST_RATE <= source_rate <= HIGHEST_RATE:
            raise AudioError(
                f"A sample rate of {source_rate} Hz is outside what speech3n reads.",
                f"Use audio of {LOWEST_RATE} to {HIGHEST_RATE} Hz.",
            )
        if channels < 1:
            raise AudioError(f"{channels} channels hold no audio.", "Use audio of one channel or more.")
        if weights is not None and len(weights) != channels:
            raise AudioError(f"{len(weights)} weights do not fit {channels} channels.", "Give one for each.")
        self.source_rate = source_rate
        self.channels = channels
        self._mixer = Mixer([1 / channels] * channels if weights is None else weights, source_rate)
        self._stream = None if source_rate == SAMPLE_RATE else _open_stream(source_rate)

    def push(self, block: NDArray[np.float32]) -> Waveform:
        """Take a block [T] or [T, C] at the source rate; return what is ready at 16 kHz, maybe nothing."""
        mono = _tame(self._mixer.push(np.asarray(block, np.float32)))
        if self._stream is None:
            return mono
        resampled: Waveform = self._stream.resample_chunk(mono)
        return resampled

    def flush(self) -> Waveform:
        """Return the tail; the next `push` begins a new sound."""
        tail: Waveform = np.zeros(0, np.float32)
        if self._stream is not None:
            tail = self._stream.resample_chunk(tail, last=True)
            self._stream.clear()
        return tail


class Framer:
    """Cut blocks of any length into frames of FRAME_SAMPLES."""

    def __init__(self) -> None:
        self._pending: Waveform = np.zeros(0, np.float32)

    def push(self, block: Waveform) -> list[Waveform]:
        """Take a block; return the frames that are full."""
        waveform = np.concatenate((self._pending, block)) if len(self._pending) else block
        whole = len(waveform) - len(waveform) % FRAME_SAMPLES
        # A copy: the caller may use the memory of the block again.
        self._pending = waveform[whole:].copy()
        return [waveform[start : start + FRAME_SAMPLES] for start in range(0, whole, FRAME_SAMPLES)]

    def flush(self) -> list[Waveform]:
        """Return what is left, if anything: one frame that is shorter than the others."""
        rest, self._pending = self._pending, np.zeros(0, np.float32)
        return [rest] if len(rest) else []


def _open_stream(source_rate: int) -> soxr.ResampleStream:
    import soxr

    return soxr.ResampleStream(source_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")


def _tame(mono: Waveform) -> Waveform:
    # max and min both return NaN where there is one, and cost a tenth of isfinite + clip.
    if len(mono) and not (mono.max() <= _LOUDEST and mono.min() >= -_LOUDEST):
        mono = np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(mono, -_LOUDEST, _LOUDEST)
    return mono
