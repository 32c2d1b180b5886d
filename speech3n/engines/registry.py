"""Model names and folders to engines, imported only when asked for."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from speech3n.engines.base import Engine
from speech3n.errors import UsageError
from speech3n.runtime.extras import require

DEFAULT_MODEL = "whisper-base"

# Family, which names begin with -> "module:function" taking the model's name or folder and returning an Engine.
_FACTORIES = {
    "whisper": "speech3n.engines.whisper.engine:open_whisper",
    "gemma": "speech3n.engines.gemma.engine:open_gemma3n",
    "nano": "speech3n.engines.gemma.engine:open_gemma3n",
}
_ELASTIC = frozenset({"gemma", "nano"})
"""Families that take a size."""


AUTO_SIZE = "auto"
"""Every size that a model holds, for its streams to change between; no model has too few for it."""


def open_engine(model: str = DEFAULT_MODEL, size: str | None = None) -> Engine:
    """Load the engine for a model name (`whisper-base`) or a model folder.

    `size` is `auto`, or one size of an elastic model by name or file; None is the whole model. Raises UsageError for
    an unknown name or size, ModelError for weights that are missing or damaged and for a folder that holds no model,
    MissingExtraError where the packages are missing that run it.
    """
    check_size(model, size)
    family = _family(model)
    _require_packages(model, family)
    module, function = _FACTORIES[family].split(":")
    factory: Callable[..., Engine] = getattr(import_module(module), function)
    return factory(model, size) if size is not None and family in _ELASTIC else factory(model)


def check_size(model: str, size: str | None) -> None:
    """Raise UsageError for a size that no model has, or that this kind of model cannot be run at; loads nothing."""
    if size is None or size == AUTO_SIZE:
        return
    if _family(model) not in _ELASTIC:
        raise UsageError(f"{model} has one size only, and no '{size}'.", "gemma-3n-e4b has several, and so has nano.")
    from speech3n.models.gemma3n.capabilities import Capabilities
    from speech3n.models.gemma3n.sizes import Size
    from speech3n.store import model_folder

    folder = Path(model) if _is_folder(model) else model_folder(model)
    Size.named(size, Capabilities.read(folder).sizes)


def prepare(model: str) -> None:
    """Fetch a named model that is missing, where a person can watch it come: where stderr is a terminal.

    Raises UsageError for an unknown name, ModelError where it is missing and cannot be fetched and for a folder that
    holds no model, MissingExtraError, before anything is fetched, where the packages are missing that run it.
    """
    _require_packages(model, _family(model))
    if not _is_folder(model):
        from speech3n.store import ensure

        ensure(model)


def _require_packages(model: str, family: str) -> None:
    if family in _ELASTIC:
        require("torch", Path(model).name)


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
