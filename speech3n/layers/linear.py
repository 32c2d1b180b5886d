"""Large matrices as suits the processor: what decoding and the encoder's steps spend their time on.

A product of a matrix with a few rows reads the matrix and does little else. oneDNN reads a third more of it in a
second when it lies in blocks of its own choosing than when it lies row by row, as checkpoints have it. Where oneDNN
cannot multiply bfloat16, the matrix stays as it is, in half the memory of float32, and is widened for many rows.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.widened import widened_product
from speech3n.runtime.processor import packs_matrices

_TYPICAL_ROWS = 8
"""Rows that the layout is chosen for; it serves any number."""
_SMALLEST = 1 << 18
"""Elements from which packing a matrix pays."""
_FEW_ROWS = 4
"""Rows up to which torch multiplies bfloat16 as fast itself: it is reading the matrix that takes time."""


class RowLinear(nn.Linear):
    """A linear layer without bias of which single rows are read, or which is used once: it is never packed."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)

    def some_rows(self, x: Tensor, rows: Tensor) -> Tensor:
        """What `forward` gives at the output features `rows` [R], [..., R], reading no others."""
        return F.linear(x, self.weight.index_select(0, rows))


class PackedLinear(nn.Module):
    """A linear layer without bias whose matrix lies in oneDNN's blocks; for inference on a CPU only."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._packed: Any = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _TYPICAL_ROWS)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] to [..., out_features]."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, None, "none", [], "")
        return y


class WidenedLinear(nn.Module):
    """A linear layer without bias whose bfloat16 matrix is multiplied in float32 where many rows come in."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._weight = weight.detach()

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] to [..., out_features]."""
        rows = x.reshape(-1, self.in_features)
        if len(rows) <= _FEW_ROWS:
            return F.linear(x, self._weight)
        return widened_product(rows, self._weight).to(x.dtype).view(*x.shape[:-1], self.out_features)


def pack_linears(module: nn.Module) -> None:
    """Replace every large linear layer of a module by the kind that this processor computes fastest.

    A packed one takes over from the checkpoint's memory, a widened one goes on in it; for inference on a CPU only.
    """
    for name, child in module.named_children():
        bias: Tensor | None = getattr(child, "bias", None)
        if type(child) is nn.Linear and bias is None and child.weight.numel() >= _SMALLEST:
            if packs_matrices(child.weight.dtype):
                setattr(module, name, PackedLinear(child.weight))
            elif child.weight.dtype == torch.bfloat16:
                setattr(module, name, WidenedLinear(child.weight))
        else:
            pack_linears(child)
