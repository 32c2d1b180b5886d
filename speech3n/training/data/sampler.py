"""The order in which clips come: shuffled by a seed, in batches of like lengths, and found again at any step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech3n.runtime.untrusted import Number

_POOL_BATCHES = 50
"""Batches whose clips are sorted by length together: more would pad less, and shuffle less."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where training is: batch number `batch` of pass number `epoch` over the clips."""

    epoch: Number
    batch: Number


class LengthSampler:
    """Batches of clip numbers, each of about `batch_frames` frames, the same for the same seed and lengths."""

    def __init__(self, frames: Sequence[int], batch_frames: int, seed: int) -> None:
        self._frames = np.asarray(frames)
        self._batch_frames = batch_frames
        self._seed = seed
        self._epoch = -1
        self._batches: list[list[int]] = []

    def at(self, position: Position) -> tuple[list[int], Position]:
        """The clips of a batch, and the position after it."""
        batches = self.epoch(position.epoch)
        if position.batch >= len(batches):
            return self.at(Position(position.epoch + 1, 0))
        return batches[position.batch], Position(position.epoch, position.batch + 1)

    def epoch(self, number: int) -> list[list[int]]:
        """All batches of a pass."""
        if number != self._epoch:
            self._epoch, self._batches = number, self._deal(np.random.default_rng([self._seed, number]))
        return self._batches

    def _deal(self, random: np.random.Generator) -> list[list[int]]:
        order = random.permutation(len(self._frames))
        mean = max(1.0, float(self._frames.mean()))
        pool = max(1, round(_POOL_BATCHES * self._batch_frames / mean))
        batches: list[list[int]] = []
        for start in range(0, len(order), pool):
            some = order[start : start + pool]
            batches += self._cut(some[np.argsort(self._frames[some], kind="stable")])
        return [batches[index] for index in random.permutation(len(batches))]

    def _cut(self, ordered: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[list[int]]:
        """Batches of neighbours, which padded to the longest of them are no longer than allowed."""
        batches: list[list[int]] = []
        batch: list[int] = []
        for index in ordered:
            if batch and (len(batch) + 1) * self._frames[index] > self._batch_frames:
                batches.append(batch)
                batch = []
            batch.append(int(index))
        return [*batches, batch] if batch else batches
