"""Attention of new positions to themselves and everything before, with few key heads and an optional window."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class CausalAttention:
    """Which keys the last `queries` of `length` positions may see: all up to their own, or those in a window.

    One object serves all layers of a kind during one pass: `window` w lets position i see i - w + 1 to i.
    """

    def __init__(self, length: int, queries: int, window: int | None = None) -> None:
        self._queries = queries
        self._first = 0 if window is None else max(0, length - queries - window + 1)
        self._length = length
        self._window = window
        self._bias: Tensor | None = None

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Queries [B, T, H, D] over keys and values [B, K, length, D], unscaled: [B, T, H * D]."""
        batch, time, heads, dim = queries.shape
        groups = heads // keys.shape[1]
        # The queries that share a key head become more rows of it: nothing is repeated in memory.
        folded = queries.view(batch, time, -1, groups, dim).permute(0, 2, 3, 1, 4).flatten(2, 3)
        keys, values = keys[:, :, self._first :], values[:, :, self._first :]
        attended = F.scaled_dot_product_attention(folded, keys, values, self._mask(queries, groups), scale=1.0)
        return attended.view(batch, -1, groups, time, dim).permute(0, 3, 1, 2, 4).reshape(batch, time, heads * dim)

    def _mask(self, like: Tensor, groups: int) -> Tensor | None:
        # A single newest position sees all keys that were not cut off.
        if self._queries == 1:
            return None
        if self._bias is None:
            positions = torch.arange(self._length - self._queries, self._length, device=like.device)[:, None]
            keys = torch.arange(self._first, self._length, device=like.device)
            hidden = keys > positions
            if self._window is not None:
                hidden |= keys <= positions - self._window
            bias = torch.zeros(hidden.shape, dtype=like.dtype, device=like.device)
            self._bias = bias.masked_fill_(hidden, float("-inf")).repeat(groups, 1)
        return self._bias
