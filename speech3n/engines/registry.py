"""Model names to engines, imported only when asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from speech3n.engines.base import Engine
from speech3n.errors import UsageError

DEFAULT_MODEL = "whisper-base"

# name prefix -> "module:function" taking the model's name or folder and returning an Engine.
_FACTORIES = {"whisper": "speech3n.engines.whisper:open_whisper"}


def open_engine(model: str = DEFAULT_MODEL) -> Engine:
    """Load the engine for a model name (`whisper-base`) or a model folder.

    Raises UsageError for an unknown name, ModelError for weights that are missing or damaged.
    """
    module, function = _factory(model).split(":")
    factory: Callable[[str], Engine] = getattr(import_module(module), function)
    return factory(model)


def prepare(model: str) -> None:
    """Fetch a named model that is missing, where a person can watch it come: where stderr is a terminal.

    Raises UsageError for an unknown name, ModelError where it is missing and cannot be fetched.
    """
    _factory(model)
    if not Path(model).is_dir():
        from speech3n.store import ensure

        ensure(model)


def _factory(model: str) -> str:
    if Path(model).is_dir():
        return _FACTORIES["whisper"]
    family = model.split("-")[0]
    if family in _FACTORIES:
        return _FACTORIES[family]
    from speech3n.store import known_models

    near = difflib.get_close_matches(model, known_models(), n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}?" if near else "`speech3n models list` shows the models there are."
    raise UsageError(f"Unknown model '{model}'.", hint)
