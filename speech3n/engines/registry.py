"""From a model's name or folder to its engine: resolve, install where it is missing, open.

Engines are found by the entry points `speech3n.engines` of all installed packages: a family's name and its
EngineFactory. The catalogue says of which family a model is; of a folder each engine is asked.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from speech3n import store
from speech3n.engines.base import AUTO_SIZE, Engine, EngineFactory, ModelRef
from speech3n.engines.model_folder import read_config
from speech3n.errors import ModelError, UsageError

_GROUP = "speech3n.engines"


def resolve_model(model: str, size: str | None = None) -> ModelRef:
    """What is meant by a model's name (`whisper-base`) or folder, and a size: AUTO_SIZE, a name, a file or None.

    Reads config.json of a folder, and loads nothing. Raises UsageError for an unknown name or size, ModelError for a
    folder that holds no model.
    """
    found = _from_folder(model) if _is_folder(model) else _from_catalogue(model)
    found = replace(found, size=size)
    if size is not None and size != AUTO_SIZE:
        _factory(found.family).check_size(found)
    return found


def install_model(model: ModelRef) -> None:
    """Fetch a model of the catalogue that is missing, where a person can watch it come: where stderr is a terminal.

    Raises ModelError where it is missing and cannot be fetched, StorageError where there is no room for it, and before
    anything is fetched MissingExtraError where the packages are missing that run it.
    """
    _factory(model.family).require_packages(model)
    if model.in_catalogue:
        store.ensure(model.name)


def require_installed(model: ModelRef) -> None:
    """Raise ModelError where a model of the catalogue is missing or damaged."""
    if model.in_catalogue:
        store.installed_folder(model.name)


def open_engine(model: ModelRef | str = store.DEFAULT_MODEL, size: str | None = None) -> Engine:
    """Load the engine for a model's name or folder and a size, or for a ModelRef, which has its own size.

    Raises UsageError for an unknown name or size, ModelError for weights that are missing or damaged and for a folder
    that holds no model, MissingExtraError where the packages are missing that run it.
    """
    if isinstance(model, str):
        model = resolve_model(model, size)
    factory = _factory(model.family)
    factory.require_packages(model)
    require_installed(model)
    return factory.open(model)


def _from_catalogue(model: str) -> ModelRef:
    if model.startswith((".", "~")) or (os.sep in model and _is_folder(str(Path(model).parent))):
        raise UsageError(
            f"There is no folder '{model}'.", "--model takes a folder or a name of `speech3n models list`."
        )
    spec = store.model_spec(model)
    return ModelRef(model, model, store.model_folder(model), spec.family, in_catalogue=True)


def _from_folder(model: str) -> ModelRef:
    """Ask all engines; where none can open the folder, the first that says what it needs is believed."""
    folder = Path(model)
    factories = {family: _factory(family) for family in sorted(_engines())}
    hint = f"A model folder holds {', or '.join(factory.model_files for factory in factories.values())}."
    config = read_config(folder, hint)
    found = ModelRef(model, folder.resolve().name, folder, config=config)
    refusal: ModelError | None = None
    for family, factory in factories.items():
        try:
            if factory.can_open(found):
                return replace(found, family=family)
        except ModelError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    if config is None:
        what = "it has no config.json"
    elif (kind := config.get("model_type")) is None:
        what = "its config.json names no model_type"
    else:
        what = f"its config.json is that of a model of type {kind!r:.40}"
    raise ModelError(f"'{folder}' holds no model that speech3n can run: {what}.", hint)


@cache
def _engines() -> dict[str, EntryPoint]:
    """The entry points by family; finding them reads the metadata of every installed package."""
    return {entry.name: entry for entry in entry_points(group=_GROUP)}


@cache
def _factory(family: str) -> EngineFactory:
    if family not in _engines():
        raise ModelError(f"There is no engine for models of the family '{family}'.", "Install speech3n again.")
    entry = _engines()[family]
    try:
        factory: EngineFactory = entry.load()()
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist is not None else entry.value
        raise ModelError(
            f"The engine '{family}' cannot be loaded: {error}.", f"Install {package} again, or remove it."
        ) from error
    return factory


def _is_folder(model: str) -> bool:
    try:
        return Path(model).is_dir()
    except OSError:  # A name that is too long, or a folder above that may not be looked into.
        return False
