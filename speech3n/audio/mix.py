"""Many channels made one: weighted and added, unless they cancel each other out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech3n.errors import AudioError
from speech3n.types import Waveform

_CELL_S = 0.02
_MEMORY_CELLS = 25
"""Half a second: levels are compared over so long, so that no sound that is opposite for a moment is a fault."""
_CANCELLED = 10**-1.5
"""A mix 15 dB below the louder channel is no mix of it: a plug turned round, a balanced line taken for stereo."""
_RESTORED = 10**-1.2
_LOUDER = 2.0
"""Another channel has to be 3 dB louder to be taken instead."""
_SILENCE = 1e-9
_EVIDENCE_CELLS = 5
"""So many cells with sound have to say so."""


class Mixer:
    """Mix blocks [T, C] to mono by `weights` [C]; where channels cancel, the loudest of them is taken alone.

    What comes out does not depend on how the sound is cut into blocks. NaN and infinity become silence.
    """

    def __init__(self, weights: Sequence[float], sample_rate: int) -> None:
        self._weights = np.asarray(weights, np.float32)
        self._audible = self._weights > 0
        self._cell_samples = max(1, round(_CELL_S * sample_rate))
        self._cells = np.zeros((_MEMORY_CELLS, len(weights) + 1))
        self._oldest = 0
        self._cell = np.zeros(len(weights) + 1)
        self._cell_filled = 0
        self._alone: int | None = None

    def push(self, block: NDArray[np.float32]) -> Waveform:
        """Return the mix of a block [T, C], or [T] where there is one channel."""
        channels = len(self._weights)
        if block.ndim == 1 and channels == 1:
            return block
        if block.ndim != 2 or block.shape[1] != channels:
            raise AudioError(
                f"A block of shape {block.shape} does not hold {channels} channels.",
                "Pass [T] for mono, [T, channels] otherwise.",
            )
        if not np.isfinite(block).all():
            # Before the mix: one broken channel must not silence the others.
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        mixed: Waveform = block @ self._weights
        return self._without_cancelling(block, mixed) if channels > 1 and len(block) else mixed

    def _without_cancelling(self, block: NDArray[np.float32], mixed: Waveform) -> Waveform:
        starts = np.arange(-self._cell_filled, len(block), self._cell_samples).clip(0)
        both = np.column_stack([block, mixed])
        energies = np.add.reduceat(np.square(both, dtype=np.float64), starts, axis=0)
        for start, end, energy in zip(starts, [*starts[1:], len(block)], energies, strict=True):
            if self._alone is not None:
                mixed[start:end] = block[start:end, self._alone]
            self._cell += energy
            self._cell_filled += int(end - start)
            if self._cell_filled == self._cell_samples:
                self._finish_cell()
        return mixed

    def _finish_cell(self) -> None:
        """Decide what the next cell is made of, by the levels of the last half second."""
        # A window, not a decay: of loud sound that was mixed well nothing may be left when channels begin to cancel.
        self._cells[self._oldest] = self._cell / self._cell_samples
        self._oldest = (self._oldest + 1) % _MEMORY_CELLS
        self._cell[:] = 0.0
        self._cell_filled = 0
        levels = self._cells.mean(0)
        channels = np.where(self._audible, levels[:-1], 0.0)
        loudest, mix = int(channels.argmax()), levels[-1]
        if channels[loudest] < _SILENCE:
            return
        if mix > _RESTORED * channels[loudest]:
            self._alone = None
        elif self._alone is not None:
            self._alone = loudest if channels[loudest] > _LOUDER * channels[self._alone] else self._alone
        elif mix < _CANCELLED * channels[loudest]:
            evidence = np.count_nonzero(self._cells[:, loudest] > _SILENCE)
            self._alone = loudest if evidence >= _EVIDENCE_CELLS else None
