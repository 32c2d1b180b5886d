"""What `speech3n models quantize` is told, checked and carried out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from speech3n.engines.registry import require_installed, resolve_model
from speech3n.errors import UsageError
from speech3n.models.gemma3n.quantisation import CHOICES, PARTS, RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.store.progress import Progress


def quantise_named(
    name: str, recipe: tuple[str, Iterable[str], int], output: Path | None, progress: Progress | None = None
) -> Path:
    """Quantise a model of the catalogue or a folder; returns the new folder.

    `recipe` is its name, changes to it such as `audio=int8`, and the columns that share a step in int4. The folder is
    named after both, beside the source, unless `output` is given. Raises UsageError, and what `quantise_checkpoint`
    raises.
    """
    kind, changes, group = recipe
    chosen = replace(RECIPES[kind].with_choices(parse_choices(changes)), group=group)
    model = resolve_model(name)
    require_installed(model)
    source = model.folder
    folder = output or source.resolve().with_name(f"{source.resolve().name}-{kind}")
    quantise_checkpoint(source, chosen, folder, progress)
    return folder


def parse_choices(texts: Iterable[str]) -> dict[str, str]:
    """Choices such as `audio=int8` by part; raises UsageError with the nearest valid part."""
    choices = {}
    for text in texts:
        part, _, choice = text.partition("=")
        if part not in PARTS:
            near = difflib.get_close_matches(part, PARTS, n=1)
            raise UsageError(f"There is no part '{part}'.", f"Did you mean {near[0]}?" if near else _example())
        if choice not in CHOICES:
            raise UsageError(f"The part {part} cannot be '{choice}'.", f"Take one of {', '.join(CHOICES)}.")
        choices[part] = choice
    return choices


def _example() -> str:
    return f"Parts are {', '.join(PARTS)}: --part audio=int8."
