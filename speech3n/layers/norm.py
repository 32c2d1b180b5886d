"""Normalisation: RMS norm over features, and group norm whose statistics accumulate over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speech3n.layers.streaming import StreamingModule, silence_padding


class RMSNorm(nn.Module):
    """Root mean square norm over the last dimension (Zhang and Sennrich 2019), computed in float32."""

    def __init__(self, dim: int, eps: float = 1e-6, *, has_scale: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim)) if has_scale else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [..., D]."""
        if not torch.is_grad_enabled():
            return self._infer(x)
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.eps)
        if self.weight is not None:
            y = y * self.weight.float()
        return y.type_as(x)

    def _infer(self, x: Tensor) -> Tensor:
        # In place: for the 220 rows of a prompt, getting memory for what is in between takes longer than all the rest;
        # for the single row of a small model, `F.rms_norm` makes twice as many steps of it.
        y = x.float()
        scale = torch.linalg.vector_norm(y, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(self.eps).rsqrt_()
        y = y * scale if y is x else y.mul_(scale)
        return (y if self.weight is None else y.mul_(self.weight.float())).type_as(x)


@dataclass(slots=True)
class CumulativeNormState:
    """Running sums over all frames since the start, float64 [B]."""

    total: Tensor
    squares: Tensor
    count: Tensor


class CumulativeGroupNorm(StreamingModule[CumulativeNormState]):
    """Group norm with one group, over all frames since the start of the stream [B, T, F, C].

    The variance sums the squared distances of each frame from the mean *at that frame*, as the Universal Speech
    Model does it (checkpoint key `...conv_*.norm`). Statistics run in float64, so that hours do not wear them out.
    """

    def __init__(self, channels: int, eps: float = 1e-3) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Normalise [B, T, F, C]; padding comes after the signal, so it never reaches the signal's statistics."""
        # It would reach the gradient of the scale, which sums over all frames.
        return self.step(silence_padding(x, mask), self.init_state(x.shape[0])), mask

    def init_state(self, batch_size: int = 1) -> CumulativeNormState:
        """Sums of nothing."""
        zeros = torch.zeros(batch_size, dtype=torch.float64, device=self.weight.device)
        return CumulativeNormState(zeros, zeros.clone(), zeros.clone())

    def step(self, x: Tensor, state: CumulativeNormState) -> Tensor:
        """Normalise the next frames [B, T, F, C] and add them to the sums."""
        if x.shape[1] == 0:
            return x
        y = x.float()
        per_frame = y[0, 0].numel()
        total = state.total[:, None] + y.sum((2, 3)).double().cumsum(1)
        count = state.count[:, None] + per_frame * torch.arange(1, y.shape[1] + 1, device=y.device)
        y = y - (total / count).float()[:, :, None, None]
        squares = state.squares[:, None] + y.square().sum((2, 3)).double().cumsum(1)
        # Copies: a view of the last frame would hold on to the sums of all.
        state.total, state.squares, state.count = (sums[:, -1].clone() for sums in (total, squares, count))
        y = y * torch.rsqrt((squares / count).float() + self.eps)[:, :, None, None]
        return (y * self.weight.float()).type_as(x)
