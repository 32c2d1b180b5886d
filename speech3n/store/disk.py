"""Model files on disk: where they lie, whether they are the published ones, how one gets into its place."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError
from speech3n.runtime.untrusted import Unreadable, read_json
from speech3n.store.catalogue import FileSpec, ModelSpec, known_models, model_spec
from speech3n.store.listing import with_files

PACKAGE = Path(__file__).parent.parent
"""The folder of speech3n itself, which holds the models that come with it."""
_LARGEST_STAMP = 1_000_000
_STAMP = ".verified.json"
"""Name of the file that records which files had the right checksum, and when they were last changed."""


class State(Enum):
    """What lies on disk of a model, judged by file sizes."""

    INSTALLED = "installed"
    INCOMPLETE = "incomplete"
    MISSING = "not installed"


def models_folder() -> Path:
    """The folder that holds all models: SPEECH3N_MODELS_DIR, or `models` among the user's data."""
    if configured := os.environ.get("SPEECH3N_MODELS_DIR"):
        return Path(configured).expanduser()
    from platformdirs import user_data_path

    return user_data_path("speech3n") / "models"


def model_folder(name: str) -> Path:
    """The folder of one model of the catalogue, whether it is there or not; raises UsageError for an unknown name."""
    spec = model_spec(name)
    return (PACKAGE if spec.bundled else models_folder()) / spec.name


def local_spec(name: str) -> ModelSpec:
    """The catalogue's entry for a name, with its files as they were listed when the model was fetched.

    Without files it is a model that the catalogue does not list the files of and that was never fetched.
    """
    return with_files(model_spec(name), model_folder(name))


def state(name: str) -> State:
    """Whether a model is on disk, without reading the files."""
    folder, files = model_folder(name), local_spec(name).files
    present = [_size(folder / file.name) == file.size for file in files]
    if files and all(present):
        return State.INSTALLED
    return State.INCOMPLETE if any((folder / file.name).exists() for file in files) else State.MISSING


def installed_folder(name: str) -> Path:
    """The folder of a model whose files are known to be the published ones.

    Files that were checked before and have not changed since are not read again, so this costs next to
    nothing; a folder copied from another machine is checked once. Raises UsageError for an unknown name,
    ModelError where files are missing or damaged.
    """
    spec = local_spec(name)
    folder = model_folder(name)
    if state(name) is not State.INSTALLED:
        raise ModelError(
            f"The model {name} is not in '{folder}'.", spec.access_steps if spec.gated else spec.mend_steps
        )
    if wrong := missing_files(spec, folder):
        names = ", ".join(file.name for file in wrong)
        raise ModelError(
            f"The model {name} in '{folder}' is damaged: {names} is not the published file.", spec.mend_steps
        )
    return folder


def available_models() -> list[str]:
    """The names of the models that can be had here.

    A model that comes with speech3n and is not there cannot: this copy of speech3n is of before its weights.
    """
    return [name for name in known_models() if not (model_spec(name).bundled and state(name) is State.MISSING)]


def verify(name: str) -> list[str]:
    """Read every file of a model and say what is wrong, one line each; empty where all are as published."""
    folder, files = model_folder(name), local_spec(name).files
    if not files:
        return ["not installed"]
    return [problem for file in files if (problem := _problem(folder / file.name, file))]


def missing_files(spec: ModelSpec, folder: Path) -> list[FileSpec]:
    """The files of a model that are not in `folder` with the right checksum; stamps those that are.

    Nothing is written into the package: what comes with it is small and read anew.
    """
    stamps = _read_stamps(folder)
    checked = dict(stamps)
    missing = []
    for file in spec.files:
        path = folder / file.name
        if _size(path) != file.size:
            missing.append(file)
        elif stamps.get(file.name) != _stamp(path, file):
            if checksum_of(path, file) == file.checksum:
                checked[file.name] = _stamp(path, file)
            else:
                missing.append(file)
    if checked != stamps and not spec.bundled:
        _write_stamps(folder, checked)
    return missing


def install(source: Path, folder: Path, file: FileSpec) -> None:
    """Move a file whose checksum was checked into its place in `folder`, in one step, and stamp it."""
    target = folder / file.name
    source.replace(target)
    _write_stamps(folder, {**_read_stamps(folder), file.name: _stamp(target, file)})


def checksum_of(path: Path, file: FileSpec) -> str:
    """The checksum of what lies at `path`, of the kind that `file` has, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, file.hasher).hexdigest()


def _problem(path: Path, file: FileSpec) -> str:
    size = _size(path)
    if size is None:
        return f"{file.name}: missing"
    if size != file.size:
        return f"{file.name}: {size} bytes instead of {file.size}"
    is_right = checksum_of(path, file) == file.checksum
    return "" if is_right else f"{file.name}: not the published file (its checksum differs)"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _stamp(path: Path, file: FileSpec) -> dict[str, Any]:
    return {"checksum": file.checksum, "mtime_ns": path.stat().st_mtime_ns}


def _read_stamps(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / _STAMP, _LARGEST_STAMP)
    except (FileNotFoundError, Unreadable):
        return {}


def _write_stamps(folder: Path, stamps: dict[str, Any]) -> None:
    draft = folder / f"{_STAMP}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(stamps, indent=1), "utf-8")
        draft.replace(folder / _STAMP)
    except OSError:
        # A folder that cannot be written (a shared, read-only installation) is checked anew each time,
        # and so are files for whose stamp a full disk has no room.
        with suppress(OSError):
            draft.unlink(missing_ok=True)
