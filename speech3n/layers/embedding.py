"""Embeddings: the one that also gives the logits, and large tables of which few rows are ever read."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.quantised import Quantised
from speech3n.layers.rounding import round_int8


class TokenEmbedding(nn.Embedding):
    """An embedding [V, D] that is the output head too."""

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [..., D] times every row, [..., V]."""
        return F.linear(hidden, self.weight)


class Int8Rows(Quantised):
    """A table [V, P] in int8, each row in equal parts with a scale of their own: `scale` [V, parts]."""

    weight_int8: Tensor
    scale: Tensor

    def __init__(self, rows: int, width: int, parts: int) -> None:
        super().__init__()
        self.register_buffer("weight_int8", torch.zeros(rows, width, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(rows, parts, dtype=torch.float32))

    def set_rows(self, first: int, weight: Tensor) -> None:
        """Take over the rows [R, P] of a table from row `first` on."""
        last, parts = first + len(weight), self.scale.shape[1]
        values, scale = round_int8(weight.reshape(len(weight) * parts, -1))
        self.weight_int8[first:last], self.scale[first:last] = values.view(weight.shape), scale.view(-1, parts)

    def dequantised(self) -> Tensor:
        """The table [V, P] in float32."""
        return (self.weight_int8.view(*self.scale.shape, -1) * self.scale[..., None]).flatten(1)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to [..., P]; no other rows are read."""
        scale = self.scale[ids]
        parts = self.weight_int8[ids].view(*scale.shape, -1)
        return (parts * scale[..., None]).flatten(-2).to(self.dtype)


def table_of(embedding: nn.Module) -> Tensor:
    """The matrix [V, P] of an embedding, plain or in int8."""
    table = embedding.weight_int8 if isinstance(embedding, Int8Rows) else embedding.weight
    assert isinstance(table, Tensor)
    return table
