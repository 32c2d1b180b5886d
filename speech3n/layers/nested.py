"""Linear layers with narrower ones inside: the first columns of a feed-forward as a feed-forward of its own.

A matrix as checkpoints have it holds the narrower ones as views. One that was packed or quantised as a whole doesn't:
it is split into blocks first, at the widths on offer, and the narrower layer is the first of the blocks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

_Module = TypeVar("_Module", bound=nn.Module)


@runtime_checkable
class Nested(Protocol):
    """A linear layer that isn't `nn.Linear` and can give narrower ones that share its memory."""

    def first_outputs(self, width: int) -> nn.Module:
        """The layer that gives the first `width` output features."""
        ...

    def first_inputs(self, width: int) -> nn.Module:
        """The layer for inputs whose features after the first `width` are zero, and not given."""
        ...


class OutputBlocks(nn.Module):
    """A linear layer whose output features are those of its blocks, one after the other."""

    def __init__(self, blocks: Iterable[nn.Module], borders: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.borders = tuple(borders)
        """Output features up to the end of each block."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] to [..., borders[-1]]."""
        return torch.cat([block(x) for block in self.blocks], -1)

    def first_outputs(self, width: int) -> nn.Module:
        """The blocks up to `width`, which is one of `borders`."""
        count = _blocks_up_to(width, self.borders)
        return self.blocks[0] if count == 1 else OutputBlocks(self.blocks[:count], self.borders[:count])

    def first_inputs(self, width: int) -> nn.Module:
        """Every block with fewer inputs."""
        return OutputBlocks((first_inputs(block, width) for block in self.blocks), self.borders)


class InputBlocks(nn.Module):
    """A linear layer whose blocks each take some of the input features; their outputs are added up."""

    def __init__(self, blocks: Iterable[nn.Module], borders: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.borders = tuple(borders)
        """Input features up to the end of each block."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., borders[-1]] to [..., out_features]."""
        y: Tensor | None = None
        for block, (start, end) in zip(self.blocks, pairwise((0, *self.borders)), strict=True):
            part = block(x[..., start:end])
            y = part if y is None else y + part
        assert y is not None
        return y

    def first_inputs(self, width: int) -> nn.Module:
        """The blocks up to `width`, which is one of `borders`."""
        count = _blocks_up_to(width, self.borders)
        return self.blocks[0] if count == 1 else InputBlocks(self.blocks[:count], self.borders[:count])

    def first_outputs(self, width: int) -> nn.Module:
        """Every block with fewer outputs."""
        return InputBlocks((first_outputs(block, width) for block in self.blocks), self.borders)


def first_outputs(layer: nn.Module, width: int) -> nn.Module:
    """The layer that gives the first `width` output features, in the same memory; raises TypeError."""
    if isinstance(layer, nn.Linear):
        return layer if width == layer.out_features else _view(layer, layer.weight[:width])
    if isinstance(layer, Nested):
        return layer.first_outputs(width)
    raise TypeError(f"{type(layer).__name__} holds no narrower layer.")


def first_inputs(layer: nn.Module, width: int) -> nn.Module:
    """The layer that reads the first `width` input features, in the same memory; raises TypeError."""
    if isinstance(layer, nn.Linear):
        return layer if width == layer.in_features else _view(layer, layer.weight[:, :width])
    if isinstance(layer, Nested):
        return layer.first_inputs(width)
    raise TypeError(f"{type(layer).__name__} holds no narrower layer.")


def split_outputs(layer: nn.Linear, borders: Sequence[int]) -> OutputBlocks:
    """The layer in blocks of output features that end at `borders`, in the same memory."""
    return OutputBlocks((_view(layer, layer.weight[start:end]) for start, end in _spans(borders)), borders)


def split_inputs(layer: nn.Linear, borders: Sequence[int]) -> InputBlocks:
    """The layer in blocks of input features that end at `borders`, in the same memory."""
    return InputBlocks((_view(layer, layer.weight[:, start:end]) for start, end in _spans(borders)), borders)


def shallow(module: _Module) -> _Module:
    """A module with the same parts and parameters, in which others can be put without changing the original."""
    twin = copy.copy(module)
    for name in ("_parameters", "_buffers", "_modules"):
        twin.__dict__[name] = dict(twin.__dict__[name])
    return twin


def _view(layer: nn.Linear, weight: Tensor) -> nn.Linear:
    bias: Tensor | None = getattr(layer, "bias", None)
    if bias is not None:
        raise TypeError("A linear layer with a bias has no narrower ones here.")
    view = shallow(layer)
    view.weight = nn.Parameter(weight.detach(), requires_grad=False)
    view.out_features, view.in_features = weight.shape
    return view


def _spans(borders: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise((0, *borders))


def _blocks_up_to(width: int, borders: Sequence[int]) -> int:
    if width not in borders:
        raise ValueError(f"There is no border at {width}, only at {', '.join(map(str, borders))}.")
    return borders.index(width) + 1
