"""Self-attention over a frame and the few before it, with relative positions and capped logits.

This is the attention of the Universal Speech Model (Zhang et al. 2023) with the relative positions of
Transformer-XL (Dai et al. 2019), as Gemma 3n's audio encoder has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.linear import RowLinear
from speech3n.layers.streaming import StreamingModule, silence_padding

_CHUNK = 12
"""Queries that are computed together; any number gives the same, this is what the checkpoints were trained with."""
_LONGEST_TIMESCALE = 1e4


@dataclass(slots=True)
class LocalAttentionState:
    """Keys and values [B, past, H, C / H] of the newest frames, and which of them exist [B, past]."""

    keys: Tensor
    values: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True)
class _Table:
    """Projected positions, and the weights that they were projected with."""

    weight: Tensor
    version: int
    rows: Tensor

    def is_of(self, weight: Tensor, version: int) -> bool:
        same_memory = self.weight.data_ptr() == weight.data_ptr() and self.weight.dtype == weight.dtype
        return same_memory and self.weight.device == weight.device and self.version == version


class RelativePositions(nn.Module):
    """Sinusoids of the distances `past` ... 0, projected for each head: `pos_proj` in the checkpoint."""

    def __init__(self, dim: int, past: int) -> None:
        super().__init__()
        self.past = past
        self.pos_proj = RowLinear(dim, dim)
        self._table: _Table | None = None

    def forward(self) -> Tensor:
        """Embeddings [past + 1, dim]; row r belongs to the key that lies `past - r` frames before its query."""
        weight = self.pos_proj.weight
        if torch.is_grad_enabled():
            return self._project()
        # They depend on the weights alone: computed once, until training or loading changes those.
        version = 0 if weight.is_inference() else weight._version
        if self._table is None or not self._table.is_of(weight, version):
            # The weights themselves are kept, not their address: that may become another's once they are gone.
            self._table = _Table(weight.detach(), version, self._project())
        return self._table.rows

    def _project(self) -> Tensor:
        weight = self.pos_proj.weight
        timescales = weight.shape[1] // 2
        step = math.log(_LONGEST_TIMESCALE) / max(timescales - 1, 1)
        rates = torch.exp(torch.arange(timescales, device=weight.device) * -step)
        angles = torch.arange(self.past, -1, -1, device=weight.device)[:, None] * rates
        projected: Tensor = self.pos_proj(torch.cat([angles.sin(), angles.cos()], -1).to(weight.dtype))
        return projected


class LocalAttention(StreamingModule[LocalAttentionState]):
    """Multi-head attention of each frame to itself and the `past` frames before it, [B, T, C] to [B, T, C].

    The output projection belongs to the caller. Names are those of the checkpoint's `attention.attn`.
    """

    def __init__(self, dim: int, heads: int, past: int, logit_cap: float) -> None:
        super().__init__()
        self.heads = heads
        self.past = past
        self.logit_cap = logit_cap
        self.relative_position_embedding = RelativePositions(dim, past)
        self.per_dim_scale = nn.Parameter(torch.zeros(dim // heads))
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Attend within whole sequences [B, T, C]."""
        state = self.init_state(x.shape[0])
        return self.step(silence_padding(x, mask), state, mask), mask

    def init_state(self, batch_size: int = 1) -> LocalAttentionState:
        """Nothing to attend to."""
        like = self.per_dim_scale
        shape = (batch_size, self.past, self.heads, len(like))
        valid = torch.zeros(batch_size, self.past, dtype=torch.bool, device=like.device)
        return LocalAttentionState(like.new_zeros(shape), like.new_zeros(shape), valid)

    def step(self, x: Tensor, state: LocalAttentionState, mask: Tensor | None = None) -> Tensor:
        """Attend from the next frames [B, T, C] to themselves and those kept; never to those outside `mask` [B, T]."""
        batch, time, dim = x.shape
        if time == 0:
            return x
        split = (batch, time, self.heads, dim // self.heads)
        # The scale is 1 at the start of training, where softplus(per_dim_scale) is softplus(0) = log 2.
        scale = F.softplus(self.per_dim_scale) * (split[3] ** -0.5 / math.log(2))
        queries = self.q_proj(x).view(split) * scale
        keys = torch.cat([state.keys, self.k_proj(x).view(split)], 1)
        values = torch.cat([state.values, self.v_proj(x).view(split)], 1)
        is_signal = x.new_ones(batch, time, dtype=torch.bool) if mask is None else mask
        valid = torch.cat([state.valid, is_signal], 1)
        state.keys, state.values, state.valid = (kept[:, time:].clone() for kept in (keys, values, valid))

        width = min(time, _CHUNK)
        blocks = -(-time // width)
        surplus = blocks * width - time
        queries = F.pad(queries, (0, 0, 0, 0, 0, surplus)).view(batch, blocks, width, *split[2:])
        contexts = [F.pad(kept, (0, 0, 0, 0, 0, surplus)) for kept in (keys, values)]
        key_blocks, value_blocks = (kept.unfold(1, width + self.past, width) for kept in contexts)
        valid_blocks = F.pad(valid, (0, surplus)).unfold(1, width + self.past, width)
        attended = self._attend_blocks(queries, key_blocks, value_blocks, valid_blocks)
        return attended.reshape(batch, blocks * width, dim)[:, :time]

    def _attend_blocks(self, queries: Tensor, keys: Tensor, values: Tensor, valid: Tensor) -> Tensor:
        """Queries [B, U, W, H, D], keys and values [B, U, H, D, W + past], valid [B, U, W + past]."""
        queries = queries.transpose(2, 3)
        logits = queries @ keys + self._position_logits(queries)
        logits = torch.tanh(logits / self.logit_cap) * self.logit_cap
        width, context = logits.shape[-2:]
        offset = torch.arange(context, device=logits.device) - torch.arange(width, device=logits.device)[:, None]
        reachable = (offset >= 0) & (offset <= self.past) & valid[:, :, None, None, :]
        logits = logits.masked_fill(~reachable, torch.finfo(logits.dtype).min)
        weights = logits.softmax(-1, dtype=torch.float32).to(values.dtype)
        return (weights @ values.transpose(-1, -2)).transpose(2, 3)

    def _position_logits(self, queries: Tensor) -> Tensor:
        """How well each query [B, U, H, W, D] likes each distance, laid out by key: [B, U, H, W, W + past]."""
        rows = self.relative_position_embedding()
        rows = rows.view(self.past + 1, self.heads, -1).permute(1, 2, 0)
        by_distance = queries @ rows
        width = queries.shape[3]
        context = width + self.past
        # Row w moves w places to the right: pad each row to one more than the context, and cut it anew.
        padded = F.pad(by_distance, (0, context + 1 - by_distance.shape[-1])).flatten(-2)
        return padded[..., : width * context].view(*queries.shape[:4], context)
