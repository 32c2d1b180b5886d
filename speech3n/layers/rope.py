"""Rotary position embedding (Su et al. 2021), halves rotated against each other as Hugging Face checkpoints want it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rotation:
    """Cosines and sines of some positions, [T, 1, D]."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def at(cls, start: int, count: int, dim: int, theta: float, like: Tensor) -> Rotation:
        """The rotation of `count` positions from `start` on, in the type and on the device of `like`."""
        rates = theta ** -(torch.arange(0, dim, 2, dtype=torch.float, device=like.device) / dim)
        angles = torch.arange(start, start + count, dtype=torch.float, device=like.device)[:, None] * rates
        angles = torch.cat([angles, angles], -1)[:, None]
        return cls(angles.cos().to(like.dtype), angles.sin().to(like.dtype))

    def apply(self, x: Tensor) -> Tensor:
        """Rotate queries or keys [B, T, heads, D]."""
        left, right = x.chunk(2, -1)
        return x * self.cos + torch.cat([-right, left], -1) * self.sin

    def last(self, count: int) -> Rotation:
        """The rotation of the last `count` positions only."""
        start = self.cos.shape[0] - count
        return Rotation(self.cos[start:], self.sin[start:])
