"""The values of a `config.json`, checked against the fields that they are read into."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from speech3n.errors import ModelError
from speech3n.runtime import untrusted
from speech3n.runtime.untrusted import Unreadable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")
_LARGEST_CONFIG = 1 << 20
_LARGEST = 1e30
_LARGEST_WHOLE = 1 << 24
"""A size, an id or a number of tokens; the largest of published models are a few hundred thousand."""
_PARTS = ("_hidden_layers", "_inputs", "_kernel_size", "_stride_size", "_context_left", "_reduction_factor", "_heads")
_MOST_PARTS = 1000
"""Of what a model is built of one by one."""


def parse_fields(kind: type[Config], data: Mapping[str, Any]) -> Config:
    """A config from the known fields of `data`; the many that speech does not need are left alone.

    Raises TypeError or ValueError that name the field.
    """
    known: dict[str, Any] = {}
    for spec in dataclasses.fields(kind):
        value = data.get(spec.name)
        if value is None:
            continue
        default: Any = spec.default
        if isinstance(default, bool) != isinstance(value, bool):
            raise TypeError(f"{spec.name} is {value!r}, which has the wrong type")
        if isinstance(default, bool):
            known[spec.name] = value
            continue
        # An index, an offset or the number of shared layers may be zero; a size may not.
        sized = spec.name.endswith(_POSITIVE)
        if isinstance(default, tuple):
            known[spec.name] = _list(spec.name, value, sized)
            continue
        value = number(spec.name, value, whole=isinstance(default, int), positive=sized)
        known[spec.name] = int(value) if isinstance(default, int) else float(value)
    return kind(**known)


_POSITIVE = (
    *("_size", "_heads", "_hidden_layers", "_dim", "_rank", "_factor", "_inputs"),
    *("_window", "_embeddings", "_theta", "_freq", "_cap", "_softcapping", "_clipping"),
)


def number(name: str, value: Any, *, whole: bool, positive: bool = False) -> int | float:
    """A number that is not negative; raises TypeError or ValueError that name the field."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise TypeError(f"{name} is {value!r}, not a number")
    if whole and value != int(value):
        raise TypeError(f"{name} is {value!r}, not a whole number")
    if value < 0 or (positive and value == 0):
        raise ValueError(f"{name} is {value}, which is too small")
    if whole and value > (_MOST_PARTS if name.endswith(_PARTS) else _LARGEST_WHOLE):
        raise ValueError(f"{name} is {value}, which is too large")
    return value


def _list(name: str, value: Any, sized: bool) -> tuple[Any, ...]:
    """A list as a tuple, nested as it is: sizes, fractions, or the types of layers."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} is {value!r}, not a list")
    items: list[Any] = []
    for item in value:
        if isinstance(item, list | tuple):
            items.append(_list(name, item, sized))
        elif name == "layer_types" and isinstance(item, str):
            items.append(item)
        else:
            checked = number(name, item, whole=sized, positive=sized)
            items.append(int(checked) if sized else float(checked))
    return tuple(items)


def section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name, an empty one where there is none; raises TypeError for anything else."""
    found = data.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise TypeError(f"{name} is not an object")
    return found


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; raises ModelError where there is none."""
    try:
        return untrusted.read_json(path, _LARGEST_CONFIG)
    except FileNotFoundError as error:
        raise ModelError(f"'{path.parent}' has no {path.name}.", "Give a folder with a complete checkpoint.") from error
    except Unreadable as error:
        raise ModelError(f"'{path}' cannot be read: {error}.", "Fetch the file again.") from error


def require(condition: bool, message: str) -> None:
    """Raise ValueError unless a config's values fit together."""
    if not condition:
        raise ValueError(message)
