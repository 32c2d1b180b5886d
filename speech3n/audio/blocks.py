"""Sound that a Python program makes or receives: blocks of samples from any iterable."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.resample import Framer, Resampler
from speech3n.errors import AudioError
from speech3n.types import SAMPLE_RATE, Waveform

Blocks: TypeAlias = Iterable[NDArray[np.float32]]
"""Blocks of float32 samples in -1..1 of any length, shape [T] or [T, C]."""


class BlockSource:
    """Blocks of samples at `sample_rate` as an AudioSource.

    A frame is yielded as soon as its 160 ms have come (and, at rates other than 16 kHz, the resampler's lookahead).
    An array alone is one block. A rate that is out of range raises AudioError at once, a block of another shape or
    type when it comes.
    """

    is_live = False
    duration_s: float | None = None

    def __init__(self, blocks: Blocks, sample_rate: int = SAMPLE_RATE, channels: int = 1, name: str = "stream") -> None:
        self.name = name
        self.warnings: list[str] = []
        self._blocks = (blocks,) if isinstance(blocks, np.ndarray) else blocks
        self._resampler = Resampler(sample_rate, channels)
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield 16 kHz mono frames until the iterable ends; passes on what it raises."""
        framer = Framer()
        for block in self._blocks:
            if self._closed.is_set():
                return
            yield from framer.push(self._resampler.push(self._samples(block)))
        yield from framer.push(self._resampler.flush())
        yield from framer.flush()

    def close(self) -> None:
        """End `frames` at the next block."""
        self._closed.set()

    def _samples(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if not np.issubdtype(np.asarray(block).dtype, np.floating):
            raise AudioError(
                f"A block of '{self.name}' holds {np.asarray(block).dtype} samples.",
                "Give float32 in -1..1: divide int16 by 32768.",
            )
        # A copy: the caller may use the memory of the block again.
        return np.array(block, np.float32)
