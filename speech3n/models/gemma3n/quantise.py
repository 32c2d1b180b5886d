"""Quantised checkpoints made of plain ones, tensor by tensor: one of them is in memory at a time, and in few bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from speech3n.errors import ModelError
from speech3n.layers.quantised import Quantised
from speech3n.layers.rounding import BLOCK
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.checkpoint import is_left_out, weight_files
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.matformer import copy_companions
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.pieces import TensorSource, read_blocks, read_sources, read_whole
from speech3n.models.gemma3n.quantisation import KEY, Recipe, build, read_formats, record
from speech3n.store.new_folder import new_folder, require_absent
from speech3n.store.progress import Progress, SilentProgress

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

    What speech does not need (the vision tower) is left out. The folder appears when it is complete. Raises UsageError
    where `output` exists, ModelError for a checkpoint that is damaged or quantised already, StorageError where
    the disk is too small.
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
    nbytes = sum(_size(part, model) for part in parts)
    with new_folder(output, nbytes) as folder:
        total = sum(part.source.spec.nbytes for part in parts)
        with (progress or SilentProgress()).stage(f"Quantising to {recipe.name}", total) as report:
            _write(folder, _tensors(parts, model, report), {"recipe": recipe.name})
        contents = json.loads((source / "config.json").read_text("utf-8"))
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


def _size(part: _Part, model: Gemma3n) -> int:
    if part.kind is None:
        return part.source.spec.nbytes
    with shapes_only():
        return sum(tensor.nbytes for tensor in build(model, part.module, part.kind).state_dict().values())


def _tensors(parts: list[_Part], model: Gemma3n, report: Callable[[int], None]) -> Iterator[dict[str, Tensor]]:
    """The tensors of each part; `report` takes the bytes read so far."""
    done = 0
    for part in parts:
        if part.kind is None:
            yield {part.source.spec.name: read_whole(part.source)}
            done += part.source.spec.nbytes
            report(done)
            continue
        module: Quantised = build(model, part.module, part.kind)
        first = 0
        for block in read_blocks(part.source, BLOCK):
            if not block.isfinite().all():
                raise ModelError(f"'{part.source.path}': {part.source.spec.name} holds values that are no numbers.")
            module.set_rows(first, block)
            first += len(block)
            done += block.nbytes
            report(done)
        yield {f"{_PREFIX}{part.module}.{name}": tensor for name, tensor in module.state_dict().items()}


def _write(folder: Path, groups: Iterator[dict[str, Tensor]], metadata: Mapping[str, str]) -> None:
    """Shards and their index."""
    from safetensors.torch import save_file

    shards: list[list[str]] = []
    waiting: dict[str, Tensor] = {}
    total = 0

    def flush() -> None:
        if waiting:
            save_file(waiting, folder / f"shard-{len(shards)}", {"format": "pt", **metadata})
            shards.append(list(waiting))
            waiting.clear()

    for group in groups:
        waiting.update(group)
        total += sum(tensor.nbytes for tensor in group.values())
        if sum(tensor.nbytes for tensor in waiting.values()) >= _SHARD_BYTES:
            flush()
    flush()
    places = {}
    for number, names in enumerate(shards):
        name = f"model-{number + 1:05}-of-{len(shards):05}.safetensors"
        (folder / f"shard-{number}").rename(folder / name)
        places.update(dict.fromkeys(names, name))
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
