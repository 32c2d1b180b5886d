"""A linear layer in another form, as quantised ones are."""

from __future__ import annotations

from torch import Tensor, nn


class Rounded(nn.Module):
    """Holds narrower layers as quantised ones do: fewer outputs are views, some inputs are copied."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.float().t()

    def first_outputs(self, width: int) -> nn.Module:
        return Rounded(self.weight[:width])

    def columns(self, start: int, end: int) -> nn.Module:
        return Rounded(self.weight[:, start:end].contiguous())
