"""Linear layers with narrower ones inside: the first columns of a feed-forward as a feed-forward of its own.

A matrix as checkpoints have it holds the narrower ones as views, and rounded row by row it still does for its output
features (`NestedOutputs`). One that was packed as a whole holds none, and one in few bits has no views of some
columns: such a layer is split into blocks first, at the widths on offer, and a narrower layer is the first blocks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

_Module = TypeVar("_Module", bound=nn.Module)


@runtime_checkable
class NestedOutputs(Protocol):
    """A linear layer, other than `nn.Linear`, that holds those with fewer outputs."""

    def first_outputs(self, width: int) -> nn.Module:
        """The layer that gives the first `width` output features, in the same memory."""
        ...


@runtime_checkable
class NestedInputs(Protocol):
    """A linear layer, other than `nn.Linear`, that can be split into layers that each take some of its inputs."""

    def columns(self, start: int, end: int) -> nn.Module:
        """The layer of the input features from `start` to `end` alone, with memory of its own where it needs that."""
        ...


class OutputBlocks(nn.Module):
    """A linear layer whose output features are those of its blocks, one after the other."""

    def __init__(self, blocks: Iterable[nn.Module], boundaries: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.boundaries = tuple(boundaries)
        """Output features up to the end of each block."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] to [..., boundaries[-1]]."""
        return torch.cat([block(x) for block in self.blocks], -1)

    def first_outputs(self, width: int) -> nn.Module:
        """The blocks up to `width`, which is one of `boundaries`."""
        count = _place(width, self.boundaries) + 1
        return self.blocks[0] if count == 1 else OutputBlocks(self.blocks[:count], self.boundaries[:count])


class InputBlocks(nn.Module):
    """A linear layer whose blocks each take some of the input features; their outputs are added up."""

    def __init__(self, blocks: Iterable[nn.Module], boundaries: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.boundaries = tuple(boundaries)
        """Input features up to the end of each block."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., boundaries[-1]] to [..., out_features]."""
        y: Tensor | None = None
        for block, (start, end) in zip(self.blocks, pairwise((0, *self.boundaries)), strict=True):
            part = block(x[..., start:end])
            y = part if y is None else y + part
        assert y is not None
        return y

    def columns(self, start: int, end: int) -> nn.Module:
        """The blocks from `start` to `end`, which are 0 or among `boundaries`."""
        first = _place(start, (0, *self.boundaries))
        last = _place(end, self.boundaries) + 1
        if last - first == 1:
            return self.blocks[first]
        return InputBlocks(self.blocks[first:last], [boundary - start for boundary in self.boundaries[first:last]])


def first_outputs(layer: nn.Module, width: int) -> nn.Module:
    """The layer that gives the first `width` output features, in the same memory; raises TypeError."""
    if isinstance(layer, nn.Linear):
        return layer if width == layer.out_features else _view(layer, layer.weight[:width])
    if isinstance(layer, NestedOutputs):
        return layer.first_outputs(width)
    raise TypeError(f"{type(layer).__name__} holds no layer with fewer outputs.")


def first_inputs(layer: nn.Module, width: int) -> nn.Module:
    """The layer that reads the first `width` input features; raises TypeError.

    It lies in the same memory, unless only `NestedInputs.columns` can give it and copies.
    """
    if isinstance(layer, nn.Linear) and width == layer.in_features:
        return layer
    return _columns(layer, 0, width)


def split_outputs(layer: nn.Linear, boundaries: Sequence[int]) -> OutputBlocks:
    """The layer in blocks of output features that end at `boundaries`, in the same memory."""
    spans = pairwise((0, *boundaries))
    return OutputBlocks((_view(layer, layer.weight[start:end]) for start, end in spans), boundaries)


def split_inputs(layer: nn.Module, boundaries: Sequence[int]) -> InputBlocks:
    """The layer in blocks of input features that end at `boundaries`; raises TypeError."""
    return InputBlocks((_columns(layer, start, end) for start, end in pairwise((0, *boundaries))), boundaries)


def shallow(module: _Module) -> _Module:
    """A module with the same parts and parameters, in which others can be put without changing the original."""
    twin = copy.copy(module)
    for name in ("_parameters", "_buffers", "_modules"):
        twin.__dict__[name] = dict(twin.__dict__[name])
    return twin


def _columns(layer: nn.Module, start: int, end: int) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return _view(layer, layer.weight[:, start:end])
    if isinstance(layer, NestedInputs):
        return layer.columns(start, end)
    raise TypeError(f"{type(layer).__name__} holds no layer with fewer inputs.")


def _view(layer: nn.Linear, weight: Tensor) -> nn.Linear:
    bias: Tensor | None = getattr(layer, "bias", None)
    if bias is not None:
        raise TypeError("A linear layer with a bias has no narrower ones here.")
    view = shallow(layer)
    view.weight = nn.Parameter(weight.detach(), requires_grad=False)
    view.out_features, view.in_features = weight.shape
    return view


def _place(width: int, boundaries: Sequence[int]) -> int:
    if width not in boundaries:
        raise ValueError(f"There is no boundary at {width}, only at {', '.join(map(str, boundaries))}.")
    return boundaries.index(width)
