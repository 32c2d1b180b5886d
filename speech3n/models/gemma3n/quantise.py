"""Quantised checkpoints made of plain ones, a few rows of a tensor at a time, whatever the size of the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speech3n.errors import ModelError
from speech3n.layers.rounding import BLOCK
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.checkpoint import is_left_out, weight_files
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.config_values import read_json
from speech3n.models.gemma3n.matformer import copy_companions
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.pieces import (
    TYPE_NAMES,
    Piece,
    TensorSource,
    bytes_of,
    copy_piece,
    read_blocks,
    read_sources,
)
from speech3n.models.gemma3n.quantisation import KEY, Recipe, build, read_formats, record
from speech3n.store import Progress, SilentProgress, TensorGroup, TensorSpec, new_folder, require_absent, write_shards

_SHARD_BYTES = 500_000_000
_PREFIX, _WEIGHT = "model.", ".weight"
_FLOATS = ("F32", "F16", "BF16")


@dataclass(frozen=True, slots=True)
class _Part:
    """A tensor of the checkpoint, and the module and format that it becomes; None where it stays as it is."""

    source: TensorSource
    module: str
    kind: str | None


def quantise_checkpoint(source: Path, recipe: Recipe, output: Path, progress: Progress | None = None) -> int:
    """Write the checkpoint folder `source` by a recipe to the new folder `output`; returns the bytes of its weights.

    What speech does not need (the vision tower) is left out. A few hundred megabytes of memory are enough for any
    checkpoint. The folder appears when it is complete. Raises UsageError where `output` exists, ModelError for a
    checkpoint that is damaged or quantised already, StorageError where the disk is too small.
    """
    require_absent(output)
    config = Gemma3nConfig.read(source)
    if read_formats(source):
        raise ModelError(f"'{source}' is quantised already.", "Quantise the original checkpoint.")
    with shapes_only():
        model = Gemma3n(config)
    parts = [
        _part(found, model, recipe)
        for found in read_sources(weight_files(source))
        if not is_left_out(found.spec.name, config)
    ]
    groups = [_group(part, model) for part in parts]
    nbytes = sum(group.nbytes for group in groups)
    with new_folder(output, nbytes) as folder:
        with (progress or SilentProgress()).stage(f"Quantising to {recipe.name}", nbytes) as report:
            write_shards(folder, groups, _SHARD_BYTES, report, {"recipe": recipe.name})
        contents = read_json(source / "config.json")
        contents[KEY] = record(recipe, {part.module: part.kind for part in parts if part.kind is not None})
        (folder / "config.json").write_text(json.dumps(contents, indent=2) + "\n", "utf-8")
        copy_companions(source, folder)
    return nbytes


def _part(source: TensorSource, model: Gemma3n, recipe: Recipe) -> _Part:
    spec = source.spec
    module = spec.name.removeprefix(_PREFIX).removesuffix(_WEIGHT)
    kind = recipe.format_of(module, spec.shape) if spec.name.endswith(_WEIGHT) else None
    if kind is not None:
        try:
            expected = tuple(model.get_submodule(module).get_parameter("weight").shape)
        except AttributeError:
            expected = ()
        if expected != spec.shape or spec.dtype not in _FLOATS:
            raise ModelError(
                f"'{source.path}': {spec.name} is {list(spec.shape)} of {spec.dtype}, and the config.json beside it "
                f"asks for {list(expected)} of floating point.",
                "Take the original checkpoint with the config.json that belongs to it.",
            )
    return _Part(source, module, kind)


def _group(part: _Part, model: Gemma3n) -> TensorGroup:
    """What the file gets of a part, rounded when it is asked for."""
    name, kind = part.source.spec.name, part.kind
    if kind is None:
        whole = Piece(part.source, name)
        return TensorGroup((part.source.spec,), lambda: ((name, data) for data in copy_piece(whole)))
    with shapes_only():
        tensors = build(model, part.module, kind).state_dict()
    specs = [
        TensorSpec(_key(part, own), TYPE_NAMES[tensor.dtype], tuple(tensor.shape)) for own, tensor in tensors.items()
    ]
    return TensorGroup(specs, lambda: _rounded(part, model, kind))


def _rounded(part: _Part, model: Gemma3n, kind: str) -> Iterator[tuple[str, memoryview]]:
    """A matrix in few bits, a few rows at a time."""
    for block in read_blocks(part.source, BLOCK):
        if not block.isfinite().all():
            raise ModelError(f"'{part.source.path}': {part.source.spec.name} holds values that are no numbers.")
        rows = build(model, part.module, kind, len(block))
        rows.set_rows(0, block)
        for own, tensor in rows.state_dict().items():
            yield _key(part, own), bytes_of(tensor)


def _key(part: _Part, own: str) -> str:
    return f"{_PREFIX}{part.module}.{own}"
