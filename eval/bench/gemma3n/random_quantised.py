"""A quantised checkpoint of random numbers at a real size, written without one in floating point.

E4B in bfloat16 takes 16 GB, in four bits 5: where only memory and speed are asked for, the former need never be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from speech3n.eval.bench.gemma3n.pair import weight_mean, weight_scale
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.pieces import TYPE_NAMES, bytes_of
from speech3n.models.gemma3n.quantisation import KEY, Recipe, build, record
from speech3n.store import TensorGroup, TensorSpec, new_folder, write_shards

_SHARD_BYTES = 500_000_000
_BLOCK = 1 << 22
_PREFIX, _WEIGHT = "model.", ".weight"
_MULTIPLES = 16
_DEVIATION = {"int4": 4.6 * (_MULTIPLES + 1) / 2, "int8": 74.0}
"""Of a matrix of random bytes, in units of its rows' scales."""


def write_random_quantised(config: Gemma3nConfig, recipe: Recipe, folder: Path) -> None:
    """Write random weights by a recipe, as large as at the start of training; raises UsageError, StorageError."""
    with shapes_only():
        model = Gemma3n(config)
        formats = {name: kind for name, kind in _formats(model, recipe).items() if kind is not None}
        quantised = {name: build(model, name, kind) for name, kind in formats.items()}
    groups = []
    for name, tensor in model.state_dict().items():
        module = name.removesuffix(_WEIGHT)
        if module not in formats:
            groups.append(_group(name, tensor, torch.bfloat16, weight_scale(name, tensor.shape)))
            continue
        step = weight_scale(name, tensor.shape) / _DEVIATION[formats[module].partition("-")[0]]
        for own, part in quantised[module].state_dict().items():
            groups.append(_group(f"{module}.{own}", part, part.dtype, step))
    with new_folder(folder, sum(group.nbytes for group in groups)) as draft:
        write_shards(draft, groups, _SHARD_BYTES, lambda done: None, {"recipe": recipe.name})
        contents = config.to_dict() | {"dtype": "bfloat16", KEY: record(recipe, formats)}
        (draft / "config.json").write_text(json.dumps(contents, indent=2), "utf-8")


def _formats(model: Gemma3n, recipe: Recipe) -> dict[str, str | None]:
    weights = {name: tensor.shape for name, tensor in model.state_dict().items() if name.endswith(_WEIGHT)}
    return {
        name.removesuffix(_WEIGHT): recipe.format_of(name.removesuffix(_WEIGHT), tuple(shape))
        for name, shape in weights.items()
    }


def _group(name: str, like: Tensor, dtype: torch.dtype, scale: float) -> TensorGroup:
    spec = TensorSpec(_PREFIX + name, TYPE_NAMES[dtype], tuple(like.shape))

    def pieces() -> Iterator[tuple[str, memoryview]]:
        left = math.prod(spec.shape)
        numbers = _numbers(name, like, dtype, scale, min(left, _BLOCK))
        while left:
            count = min(left, _BLOCK)
            yield spec.name, bytes_of(numbers[:count])
            left -= count

    return TensorGroup((spec,), pieces)


def _numbers(name: str, like: Tensor, dtype: torch.dtype, scale: float, count: int) -> Tensor:
    """Numbers for a tensor, over and over."""
    generator = torch.Generator().manual_seed(0)
    if name.endswith("scale") and dtype == torch.float32:
        return torch.full((count,), scale)
    if dtype == torch.bfloat16:
        return (torch.randn(count, generator=generator) * scale + weight_mean(name, like.shape)).bfloat16()
    if name.endswith("multiples"):
        return torch.randint(1, _MULTIPLES + 1, (count,), generator=generator).to(dtype)
    return torch.randint(0, 256, (count,), generator=generator).to(torch.uint8).view(dtype)
