"""Models that are made of a Gemma 3n: a smaller one that lies in it, or all of it in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from speech3n.engines.registry import require_installed, resolve_model
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.matformer import slice_checkpoint
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.models.gemma3n.sizes import Size
from speech3n.store import Progress, SilentProgress, terminal_progress


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """The command line of `models slice`; `size` is one that the model holds, or a file."""

    model: str
    size: str
    output: Path
    quiet: bool


@dataclass(frozen=True, slots=True)
class QuantizeRequest:
    """The command line of `models quantize`.

    `recipe` is the name of one, `parts` are changes to it such as `{"audio": "int8"}`, and `group` columns share a step
    in int4. Without `output` the new folder lies beside the model's and is named after it and the recipe.
    """

    model: str
    recipe: str
    parts: Mapping[str, str]
    group: int
    output: Path | None
    quiet: bool


def run_slice(request: SliceRequest) -> int:
    """Cut out the smaller model and print its folder; the exit code.

    Raises UsageError, ModelError, and what `slice_checkpoint` raises.
    """
    model = resolve_model(request.model, request.size)
    size = Size.named(request.size, Capabilities.read(model.folder).sizes)
    require_installed(model)
    sliced = slice_checkpoint(model.folder, size, request.output, _progress(request.quiet))
    click.echo(sliced.folder)
    return 0


def run_quantize(request: QuantizeRequest) -> int:
    """Quantise the model and print its folder; the exit code.

    Raises UsageError, ModelError, and what `quantise_checkpoint` raises.
    """
    recipe = replace(RECIPES[request.recipe].with_choices(request.parts), group=request.group)
    model = resolve_model(request.model)
    require_installed(model)
    source = model.folder.resolve()
    output = request.output or source.with_name(f"{source.name}-{request.recipe}")
    quantise_checkpoint(model.folder, recipe, output, _progress(request.quiet))
    click.echo(output)
    return 0


def _progress(quiet: bool) -> Progress:
    return SilentProgress() if quiet else terminal_progress()
