"""Keys and values of the positions that a decoder has read, which grow at the end and can be cut back there."""

from __future__ import annotations

import torch
from torch import Tensor

_FIRST_CAPACITY = 256


class KVCache:
    """Keys and values [B, K, positions, D] of each layer that computes its own.

    Sliding-window layers keep all positions as well: attention reads no more than its window, and so cutting
    back to any length is exact. A position of E2B takes 40 KiB in bfloat16, half a minute of speech about 12 MiB.
    """

    def __init__(self, layers: int) -> None:
        self._keys: list[Tensor | None] = [None] * layers
        self._values: list[Tensor | None] = [None] * layers
        self.length = 0
        """Positions that all layers have."""

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store what follows the first `length` positions, [B, K, T, D]; gives all of them, [B, K, length + T, D]."""
        end = self.length + keys.shape[2]
        stored = []
        for kept, new in ((self._keys, keys), (self._values, values)):
            buffer = kept[layer] = _with_room(kept[layer], new, self.length, end)
            buffer[:, :, self.length : end] = new
            stored.append(buffer[:, :, :end])
        return stored[0], stored[1]

    def advance(self, positions: int) -> None:
        """Count what every layer has appended."""
        self.length += positions

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"A cache of {self.length} positions cannot be cut to {length}.")
        self.length = length

    def clone(self) -> KVCache:
        """A copy that shares no memory."""
        copy = KVCache(len(self._keys))
        copy.length = self.length
        for mine, other in ((self._keys, copy._keys), (self._values, copy._values)):
            other[:] = [None if buffer is None else buffer.clone() for buffer in mine]
        return copy

    @property
    def nbytes(self) -> int:
        """Memory that the buffers take."""
        return sum(buffer.nbytes for buffer in (*self._keys, *self._values) if buffer is not None)


def _with_room(buffer: Tensor | None, new: Tensor, length: int, end: int) -> Tensor:
    if buffer is not None and buffer.shape[2] >= end:
        return buffer
    batch, heads, _, dim = new.shape
    capacity = max(_FIRST_CAPACITY, 1 << (end - 1).bit_length())
    larger = torch.empty(batch, heads, capacity, dim, dtype=new.dtype, device=new.device)
    if buffer is not None:
        larger[:, :, :length] = buffer[:, :, :length]
    return larger
