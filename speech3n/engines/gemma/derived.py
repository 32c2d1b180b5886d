"""Models that are made of a Gemma 3n: a smaller one that lies in it, or all of it in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speech3n.engines.registry import require_installed, resolve_model
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.matformer import slice_checkpoint
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.models.gemma3n.sizes import Size
from speech3n.store import Progress


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """A model's name or folder, the size to cut out of it (one that it holds, or a file), and a new folder."""

    model: str
    size: str
    output: Path


@dataclass(frozen=True, slots=True)
class QuantizeRequest:
    """A model's name or folder, and how it is quantised.

    `recipe` is the name of one, `parts` are changes to it such as `{"audio": "int8"}`, and `group` columns share a step
    in int4. Without `output` the new folder lies beside the model's and is named after it and the recipe.
    """

    model: str
    recipe: str
    parts: Mapping[str, str]
    group: int
    output: Path | None


def slice_model(request: SliceRequest, progress: Progress | None = None) -> Path:
    """Cut out the smaller model; returns its folder.

    Raises UsageError, ModelError, and what `slice_checkpoint` raises.
    """
    model = resolve_model(request.model, request.size)
    size = Size.named(request.size, Capabilities.read(model.folder).sizes)
    require_installed(model)
    return slice_checkpoint(model.folder, size, request.output, progress).folder


def quantize_model(request: QuantizeRequest, progress: Progress | None = None) -> Path:
    """Write the model in few bits; returns its folder.

    Raises UsageError, ModelError, and what `quantise_checkpoint` raises.
    """
    recipe = replace(RECIPES[request.recipe].with_choices(request.parts), group=request.group)
    model = resolve_model(request.model)
    require_installed(model)
    source = model.folder.resolve()
    output = request.output or source.with_name(f"{source.name}-{request.recipe}")
    quantise_checkpoint(model.folder, recipe, output, progress)
    return output
