"""Which weights of a Gemma 3n are quantised and how: recipes, their record in `config.json`, and the modules for them.

`speech3n_quantisation` in the `config.json` of a quantised checkpoint names every quantised module (without `model.`)
with its format: `int8`, `int8-rows`, or `int4-` and the columns that share a step. Instead of its `weight` the
safetensors hold the buffers of `Int8Linear`, `Int8Rows` or `Int4Linear`, as the kernels read them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from speech3n.errors import ModelError, UsageError
from speech3n.layers.embedding import Int8Rows
from speech3n.layers.quantised import Int4Embedding, Int4Linear, Int8Embedding, Int8Linear, Quantised
from speech3n.layers.rounding import BLOCK, GROUPS
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.config_values import read_json
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.runtime.untrusted import Unreadable, shown

KEY = "speech3n_quantisation"
VERSION = 2
_READABLE = (1, VERSION)
"""In the first, steps of int4 are all positive."""
PARTS = ("audio", "attention", "ffn", "mixing", "embedding", "per-layer")
"""Audio tower; decoder attention; its feed-forward; AltUp, LAuReL and the projections of per-layer embeddings; token
embedding, which is the output too; per-layer embeddings."""
CHOICES = ("int4", "int8", "none")

_AGAIN = "Quantise the original checkpoint again: `speech3n models quantize`."
_TABLE = "language_model.embed_tokens_per_layer"
_EMBEDDING = "language_model.embed_tokens"
_LEFT_ALONE = re.compile(
    # Looked up in whole or multiplied in few rows once, and small; or what decides how layers mix.
    r".*(\.pos_proj|_coefs|\.modality_router|embed_audio\.embedding|\.linear_left|\.linear_right)$"
)
_RULES = (
    (re.compile(r"audio_tower\.|embed_audio\."), "audio"),
    (re.compile(r".*\.self_attn\."), "attention"),
    (re.compile(r".*\.mlp\."), "ffn"),
    (re.compile(rf"{re.escape(_TABLE)}$"), "per-layer"),
    (re.compile(rf"{re.escape(_EMBEDDING)}$"), "embedding"),
    (re.compile(r"language_model\."), "mixing"),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A choice for each of `PARTS`, and how many columns share a step in int4.

    128 would save E2B 0.12 GB of memory and costs over three times as much of what a model knows: with its matrices
    rounded so, Whisper base gives each right token 0.14 nats less, in groups of 64 only 0.04.
    """

    name: str
    choices: Mapping[str, str]
    group: int = 64

    def with_choices(self, changed: Mapping[str, str]) -> Recipe:
        """The same with other choices for some parts; raises UsageError with the nearest valid part."""
        for part, choice in changed.items():
            if part not in PARTS:
                near = difflib.get_close_matches(part, PARTS, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"Parts are {', '.join(PARTS)}: --part audio=int8."
                raise UsageError(f"There is no part '{part}'.", hint)
            if choice not in CHOICES:
                raise UsageError(f"The part {part} cannot be '{choice}'.", f"Take one of {', '.join(CHOICES)}.")
        return Recipe(self.name, {**self.choices, **changed}, self.group) if changed else self

    def format_of(self, module: str, shape: tuple[int, ...]) -> str | None:
        """How a module with a weight of this shape is stored; None where it is left as it is.

        Shapes that int4 does not fit take int8, and so do per-layer embeddings, which cost no memory.
        """
        if len(shape) != 2 or _LEFT_ALONE.match(module):
            return None
        choice = self.choices[next(part for rule, part in _RULES if rule.match(module))]
        if choice == "none":
            return None
        if module == _TABLE:
            return "int8-rows"
        if choice == "int4" and shape[0] % BLOCK == 0:
            for group in (self.group, *reversed(GROUPS)):
                if group <= self.group and shape[1] % group == 0:
                    return f"int4-{group}"
        return "int8"


RECIPES = {
    "int4": Recipe("int4", dict.fromkeys(PARTS, "int4")),
    "int8": Recipe("int8", dict.fromkeys(PARTS, "int8")),
}


def build(model: Gemma3n, module: str, kind: str, some_rows: int | None = None) -> Quantised:
    """An empty module to stand for the one of that name, or for so many of its rows.

    Raises ValueError for formats and names that make none.
    """
    try:
        plain = model.get_submodule(module)
    except AttributeError as error:
        raise ValueError(f"there is no {module}") from error
    if not isinstance(plain, nn.Linear | nn.Embedding) or (kind == "int8-rows") != (module == _TABLE):
        raise ValueError(f"{module} cannot be {kind}")
    rows, columns = plain.weight.shape
    rows = rows if some_rows is None else some_rows
    if kind == "int8-rows":
        return Int8Rows(rows, columns, model.config.text.num_hidden_layers)
    if kind == "int8":
        return Int8Linear(columns, rows) if isinstance(plain, nn.Linear) else Int8Embedding(rows, columns)
    match = re.fullmatch(r"int4-(\d{1,3})", kind)
    group = int(match[1]) if match else 0
    if group not in GROUPS or rows % BLOCK or columns % group:
        raise ValueError(f"{module} cannot be {kind}")
    return Int4Linear(columns, rows, group) if isinstance(plain, nn.Linear) else Int4Embedding(rows, columns, group)


def read_formats(folder: Path) -> dict[str, str]:
    """The formats of a checkpoint's quantised modules, none for others; raises ModelError."""
    section = read_json(folder / "config.json").get(KEY)
    if section is None:
        return {}
    version = section.get("version") if isinstance(section, dict) else None
    if version not in _READABLE:
        raise ModelError(
            f"'{folder / 'config.json'}' is quantised in version {shown(version)} of the format, and this program "
            f"reads version {VERSION}.",
            _AGAIN,
        )
    formats = section.get("modules")
    if not isinstance(formats, dict) or not all(isinstance(kind, str) for kind in formats.values()):
        raise ModelError(f"'{folder / 'config.json'}': {KEY}.modules is not a table of formats.", _AGAIN)
    return formats


def swap_in(folder: Path, model: Gemma3n, formats: Mapping[str, str]) -> None:
    """Replace modules by empty quantised ones; raises ModelError where one cannot be."""
    for module, kind in formats.items():
        try:
            quantised = build(model, module, kind)
        except ValueError as error:
            raise ModelError(f"'{folder / 'config.json'}': {KEY}.modules: {Unreadable(error)}.", _AGAIN) from error
        parent, _, name = module.rpartition(".")
        setattr(model.get_submodule(parent), name, quantised)


def set_compute_type(model: Gemma3n) -> None:
    """Let quantised embeddings give what the rest of the model computes in."""
    for module in model.modules():
        if isinstance(module, Quantised):
            module.compute_in(model.embed_audio.embedding.weight.dtype)


def dequantise(model: Gemma3n) -> None:
    """Replace quantised modules by those of a plain model, with the same values in float32.

    For small models, whose products take no longer in float32 than in int8, and for training.
    """
    with shapes_only():
        twin = Gemma3n(model.config)
    for name, module in list(model.named_modules()):
        if isinstance(module, Quantised):
            plain = twin.get_submodule(name)
            plain.weight = nn.Parameter(module.dequantised(), requires_grad=False)
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, plain)


def require_unquantised(model: Gemma3n) -> None:
    """Raise ModelError for a model with quantised weights."""
    if any(isinstance(module, Quantised) for module in model.modules()):
        raise ModelError("A quantised model cannot be saved.", "Copy its folder instead.")


def record(recipe: Recipe, formats: Mapping[str, str]) -> dict[str, object]:
    """The section of `config.json`."""
    parts = {"group": recipe.group, **recipe.choices}
    return {"version": VERSION, "recipe": recipe.name, "parts": parts, "modules": dict(sorted(formats.items()))}
