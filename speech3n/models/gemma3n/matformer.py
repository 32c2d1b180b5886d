"""Submodels of a Gemma 3n checkpoint as checkpoints of their own, cut tensor by tensor.

What is cut: rows of `gate_proj` and `up_proj` and columns of `down_proj` in each layer's feed-forward; all weights of
the layers that are left out, and their parts of `embed_tokens_per_layer` (columns) and `per_layer_model_projection`
(rows). The norm behind that projection is one for all layers and stays. Layers are counted anew. The pieces are
those of Google's MatFormer Lab; what comes out loads here and in transformers.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError
from speech3n.models.gemma3n.checkpoint import weight_files
from speech3n.models.gemma3n.config import Gemma3nConfig, TextConfig
from speech3n.models.gemma3n.config_values import read_json
from speech3n.models.gemma3n.pieces import Piece, Ranges, TensorSource, copy_piece, read_sources
from speech3n.models.gemma3n.quantisation import read_formats
from speech3n.models.gemma3n.sizes import Size, SubmodelShape
from speech3n.store import Progress, SilentProgress, TensorGroup, new_folder, require_absent, write_shards

_SHARD_BYTES = 4_000_000_000
_LAYER = re.compile(r"(model\.language_model\.layers\.)(\d+)(\..*)")
_DECODER = "model.language_model."
_NOT_COPIED = re.compile(r"\.|config\.json$|.*\.(safetensors|safetensors\.index\.json|bin|bin\.index\.json|pth?|gguf)$")
"""Hidden files, the configuration, which changes, and weights of whatever kind."""


@dataclass(frozen=True, slots=True)
class Sliced:
    """What slicing made: the submodel, how many bytes of weights it has, and where it is."""

    model: SubmodelShape
    nbytes: int
    folder: Path


def slice_checkpoint(source: Path, size: Size, output: Path, progress: Progress | None = None) -> Sliced:
    """Write the submodel of `size` in the checkpoint folder `source` to the new folder `output`.

    A few hundred megabytes of memory are enough for any checkpoint. The folder appears when it is complete. Raises
    UsageError where the model has no such size or `output` exists, ModelError for a checkpoint that is
    damaged or quantised, StorageError where the disk is too small.
    """
    config = Gemma3nConfig.read(source)
    model = size.of(config.text)
    require_absent(output)
    if read_formats(source):
        raise ModelError(f"'{source}' is quantised.", "Slice the original checkpoint, then quantise what comes out.")
    pieces = plan(read_sources(weight_files(source)), config.text, model)
    nbytes = sum(piece.spec.nbytes for piece in pieces)
    with new_folder(output, nbytes) as folder:
        with (progress or SilentProgress()).stage("Slicing", nbytes) as report:
            write_shards(folder, [_group(piece) for piece in pieces], _SHARD_BYTES, report)
        _write_config(source, folder, model.config(config.text))
        copy_companions(source, folder)
    return Sliced(model, nbytes, output)


def copy_companions(source: Path, folder: Path) -> None:
    """Copy what a checkpoint folder holds beside weights and `config.json`: the tokenizer, for one."""
    for path in sorted(source.iterdir()):
        if path.is_file() and not _NOT_COPIED.match(path.name):
            shutil.copyfile(path, folder / path.name)


def plan(sources: list[TensorSource], text: TextConfig, model: SubmodelShape) -> list[Piece]:
    """The pieces that make up the submodel; raises ModelError where a tensor is not what the config says."""
    pieces = (_piece(source, text, model) for source in sources)
    return [piece for piece in pieces if piece is not None]


def _piece(source: TensorSource, text: TextConfig, model: SubmodelShape) -> Piece | None:
    """What stays of a tensor, None where nothing does."""
    inner, layers = text.hidden_size_per_layer_input, text.num_hidden_layers
    kept = _joined(tuple((layer * inner, (layer + 1) * inner) for layer in model.layers))
    name = source.spec.name
    if name == f"{_DECODER}embed_tokens_per_layer.weight":
        _require_shape(source, (text.vocab_size_per_layer_input, layers * inner))
        return Piece(source, name, columns=kept)
    if name == f"{_DECODER}per_layer_model_projection.weight":
        _require_shape(source, (layers * inner, text.hidden_size))
        return Piece(source, name, rows=kept)
    match = _LAYER.fullmatch(name)
    if match is None:
        return Piece(source, name)
    layer = int(match[2])
    if layer not in model.layers:
        return None
    return _layer_piece(source, (layer, model.layers.index(layer)), text, model)


def _layer_piece(source: TensorSource, places: tuple[int, int], text: TextConfig, model: SubmodelShape) -> Piece:
    """What stays of a tensor of a layer, given where the layer was and where it will be."""
    name = source.spec.name
    match = _LAYER.fullmatch(name)
    assert match is not None
    layer, place = places
    width, full = model.widths[place], text.intermediate_size[layer]
    new_name = f"{match[1]}{place}{match[3]}"
    if match[3] in (".mlp.gate_proj.weight", ".mlp.up_proj.weight"):
        _require_shape(source, (full, text.hidden_size))
        return Piece(source, new_name, rows=((0, width),))
    if match[3] == ".mlp.down_proj.weight":
        _require_shape(source, (text.hidden_size, full))
        return Piece(source, new_name, columns=((0, width),))
    if match[3].startswith(".mlp."):
        raise ModelError(
            f"'{source.path}' holds {name}, which cannot be sliced: its weights are quantised.",
            "Slice the original checkpoint, then quantise what comes out.",
        )
    return Piece(source, new_name)


def _joined(ranges: Ranges) -> Ranges:
    """The same with neighbours made one."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _require_shape(source: TensorSource, shape: tuple[int, ...]) -> None:
    spec = source.spec
    if spec.shape != shape or not spec.dtype.startswith(("F", "BF")):
        raise ModelError(
            f"'{source.path}': {spec.name} is {list(spec.shape)} of {spec.dtype}, and the config.json beside it asks "
            f"for {list(shape)} of floating point.",
            "Take the original checkpoint with the config.json that belongs to it; quantised ones cannot be sliced.",
        )


def _group(piece: Piece) -> TensorGroup:
    return TensorGroup((piece.spec,), lambda: ((piece.name, data) for data in copy_piece(piece)))


def _write_config(source: Path, folder: Path, text: TextConfig) -> None:
    """The source's own `config.json`, with what it says of vision and all else, and the new numbers of layers."""
    config: dict[str, Any] = read_json(source / "config.json")
    changed = ("num_hidden_layers", "num_kv_shared_layers", "intermediate_size", "layer_types")
    values = asdict(text)
    config["text_config"] = {
        **(config.get("text_config") or {}),
        **{name: values[name] for name in (*changed, "activation_sparsity_pattern")},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
