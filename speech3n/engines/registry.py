"""Model names and folders to engines, imported only when asked for."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from speech3n.engines.base import Engine
from speech3n.errors import UsageError

DEFAULT_MODEL = "whisper-base"

# Family, which names begin with -> "module:function" taking the model's name or folder and returning an Engine.
_FACTORIES = {
    "whisper": "speech3n.engines.whisper:open_whisper",
    "gemma": "speech3n.engines.gemma3n:open_gemma3n",
}


def open_engine(model: str = DEFAULT_MODEL) -> Engine:
    """Load the engine for a model name (`whisper-base`) or a model folder.

    Raises UsageError for an unknown name, ModelError for weights that are missing or damaged and for a folder that
    holds no model.
    """
    module, function = _FACTORIES[_family(model)].split(":")
    factory: Callable[[str], Engine] = getattr(import_module(module), function)
    return factory(model)


def prepare(model: str) -> None:
    """Fetch a named model that is missing, where a person can watch it come: where stderr is a terminal.

    Raises UsageError for an unknown name, ModelError where it is missing and cannot be fetched and for a folder that
    holds no model.
    """
    _family(model)
    if not _is_folder(model):
        from speech3n.store import ensure

        ensure(model)


def _family(model: str) -> str:
    """The key in _FACTORIES of a model name or folder."""
    if _is_folder(model):
        from speech3n.engines.model_folder import family_of_folder

        return family_of_folder(Path(model))
    from speech3n.store import known_models

    if model in known_models():
        return model.split("-")[0]
    if model.startswith((".", "~")) or (os.sep in model and _is_folder(str(Path(model).parent))):
        raise UsageError(
            f"There is no folder '{model}'.", "--model takes a folder or a name of `speech3n models list`."
        )
    near = difflib.get_close_matches(model, known_models(), n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}?" if near else "`speech3n models list` shows the models there are."
    raise UsageError(f"Unknown model '{model}'.", hint)


def _is_folder(model: str) -> bool:
    try:
        return Path(model).is_dir()
    except OSError:  # A name that is too long, or a folder above that may not be looked into.
        return False
