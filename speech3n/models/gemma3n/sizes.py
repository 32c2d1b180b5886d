"""Submodels inside a Gemma 3n: how wide each layer's feed-forward is, and which layers are left out.

Gemma 3n is a MatFormer (Devvrit et al. 2023): it was trained so that the first columns of each feed-forward, and the
layers without some in the middle, are models of their own. A size is written as a TOML or JSON file:

    ffn = 12288                      # columns of every layer's feed-forward that stay, the first ones; or a list
                                     # with one number for each layer that stays; without it all columns stay
    skip = [20, 21, 22, 23, 24]      # layers left out, counted from 0 in the whole model; without it none

These are the two lists of Google's published Mix-n-Match configurations (google/gemma3n-slicing-configs: `FFN Hidden
Dims` and `Layers Skipped`). `e2b` and `e4b` need no file.
"""

from __future__ import annotations

import difflib
import json
import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speech3n.errors import UsageError
from speech3n.models.gemma3n.config import TextConfig
from speech3n.runtime.untrusted import Unreadable, read_text

_LARGEST_FILE = 1 << 16
_LARGEST_COUNT = 1 << 24
_KEYS = ("ffn", "skip")
_EXAMPLE = 'A size file holds, for example: "ffn = 8192" and "skip = [20, 21, 22, 23, 24]".'


@dataclass(frozen=True, slots=True)
class Size:
    """A wish for a submodel; `of` says what it is in a certain model.

    `ffn` is the width of every layer, or of each layer that stays, or None for all columns; `skip` are the
    layers left out, counted in the whole model.
    """

    name: str
    ffn: int | tuple[int, ...] | None = None
    skip: tuple[int, ...] = ()

    @classmethod
    def named(cls, name: str, sizes: Mapping[str, Size] | None = None) -> Size:
        """One of a model's `sizes` (by default the published ones) by its name, or the size in a file.

        Raises UsageError for what is neither.
        """
        known = PRESETS if sizes is None else sizes
        if name in known:
            return known[name]
        path = Path(name)
        try:
            is_file = path.is_file()
        except (OSError, ValueError):  # A name that is too long or cannot be one.
            is_file = False
        if not is_file:
            listed = f"Sizes are {' and '.join(known)}, or a file. " if known else ""
            raise UsageError(f"There is no size '{name}'.", f"{listed}{_EXAMPLE}")
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Size:
        """The size in a TOML or JSON file, called as the file; raises UsageError that names what is wrong."""
        try:
            text = read_text(path, _LARGEST_FILE)
        except (FileNotFoundError, Unreadable) as error:
            raise UsageError(f"'{path}' cannot be read: {Unreadable(error)}.", _EXAMPLE) from error
        try:
            data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            kind = "JSON" if path.suffix == ".json" else "TOML"
            raise UsageError(f"'{path}' is not valid {kind}: {Unreadable(error)}.", _EXAMPLE) from error
        return cls.parse(path.stem, data, path)

    @classmethod
    def parse(cls, name: str, data: object, path: Path) -> Size:
        """The size that `data` describes, which was read from `path`; raises UsageError that names what is wrong."""
        if not isinstance(data, dict):
            raise UsageError(f"'{path}' does not hold an object.", _EXAMPLE)
        for key in data:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, n=1)
                raise UsageError(f"'{path}': unknown key '{key}'.", f"Did you mean {near[0]}?" if near else _EXAMPLE)
        ffn, skip = data.get("ffn"), data.get("skip", [])
        if isinstance(ffn, list) and all(_is_count(width) for width in ffn):
            ffn = tuple(ffn)
        elif ffn is not None and not _is_count(ffn):
            raise UsageError(
                f"'{path}': ffn is {reprlib.repr(ffn)}, not a number of columns or a list of them.", _EXAMPLE
            )
        if not isinstance(skip, list) or not all(_is_count(layer) for layer in skip):
            raise UsageError(f"'{path}': skip is {reprlib.repr(skip)}, not a list of layers.", _EXAMPLE)
        return cls(name, ffn, tuple(skip))

    def of(self, text: TextConfig) -> SubmodelShape:
        """The submodel of a model; raises UsageError where the model has none of this size."""
        if (
            self in PRESETS.values()
            and text.num_hidden_layers == _E2B_LAYERS
            and max(text.intermediate_size) == _E2B_FFN
        ):
            # An E2B on disk is what `e2b` asks for already, and holds no `e4b`.
            return self._of_e2b(text)
        layers = self._kept(text)
        widths = self._widths(text, layers)
        for layer, width in zip(layers, widths, strict=True):
            full = text.intermediate_size[layer]
            if not 1 <= width <= full:
                raise self._error(f"ffn has {width} columns for layer {layer}, and the model's layer has 1 to {full}")
        model = SubmodelShape(self.name, layers, widths)
        self._check_sharing(text, model)
        return model

    def _of_e2b(self, text: TextConfig) -> SubmodelShape:
        if self.name != "e2b":
            raise self._error("the model is an E2B, which is smaller", "Take the E4B checkpoint.")
        return SubmodelShape(self.name, tuple(range(text.num_hidden_layers)), text.intermediate_size)

    def _kept(self, text: TextConfig) -> tuple[int, ...]:
        count = text.num_hidden_layers
        for layer in self.skip:
            if layer >= count:
                raise self._error(f"skip names layer {layer}, and the model has layers 0 to {count - 1}")
        if len(set(self.skip)) != len(self.skip):
            raise self._error("skip names a layer twice")
        layers = tuple(layer for layer in range(count) if layer not in self.skip)
        if not layers:
            raise self._error("skip leaves no layer")
        return layers

    def _widths(self, text: TextConfig, layers: Sequence[int]) -> tuple[int, ...]:
        if self.ffn is None:
            return tuple(text.intermediate_size[layer] for layer in layers)
        if isinstance(self.ffn, int):
            return (self.ffn,) * len(layers)
        if len(self.ffn) != len(layers):
            raise self._error(f"ffn lists {len(self.ffn)} layers, and {len(layers)} stay")
        return self.ffn

    def _check_sharing(self, text: TextConfig, model: SubmodelShape) -> None:
        """Hold each layer to the keys and values that it was trained with."""
        for layer in model.layers:
            source = text.kv_layer(layer)
            kind = text.layer_types[layer].removesuffix("_attention")
            if source not in model.layers:
                raise self._error(
                    f"skip leaves out layer {source}, whose {kind} attention's keys and values layer {layer} shares"
                )

    def _error(self, what: str, hint: str = "Change the size, or take the model that it was made for.") -> UsageError:
        return UsageError(f"The size '{self.name}' does not fit the model: {what}.", hint)


@dataclass(frozen=True, slots=True)
class SubmodelShape:
    """The layers of a model that stay, counted in the whole model, and the feed-forward columns of each."""

    name: str
    layers: tuple[int, ...]
    widths: tuple[int, ...]

    def config(self, text: TextConfig) -> TextConfig:
        """The submodel's own config, whose layers are counted anew."""
        return replace(
            text,
            num_hidden_layers=len(self.layers),
            num_kv_shared_layers=sum(layer >= text.first_shared_layer for layer in self.layers),
            intermediate_size=self.widths,
            layer_types=tuple(text.layer_types[layer] for layer in self.layers),
            activation_sparsity_pattern=tuple(text.activation_sparsity_pattern[layer] for layer in self.layers),
        )

    def is_whole(self, text: TextConfig) -> bool:
        """Whether nothing is left out."""
        return len(self.layers) == text.num_hidden_layers and self.widths == text.intermediate_size


_E2B_LAYERS, _E2B_FFN = 30, 8192
WHOLE = Size("whole")
"""Any model as it is."""
PRESETS = {"e2b": Size("e2b", _E2B_FFN, (20, 21, 22, 23, 24)), "e4b": Size("e4b")}
"""The published sizes, of E4B."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT
