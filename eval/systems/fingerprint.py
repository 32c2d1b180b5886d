"""Digests of what a result depends on besides the sound: weights and code.

A result is found again where none of them changed.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from speech3n.engines.base import ModelRef
from speech3n.errors import StorageError
from speech3n.eval.sets.digests import file_digest, key_of

_SHOWN = 16
"""Hexadecimal digits of a digest that is shown; 64 bits tell results apart."""


@cache
def weights_digest(model: ModelRef) -> str:
    """Which weights a model has.

    One of the catalogue by the checksums that its files are held to, a folder by its configuration and by names,
    sizes and dates of its files: nothing is read that has gigabytes. Raises StorageError.
    """
    folder = model.folder
    if not model.in_catalogue:
        try:
            files = sorted(path for path in folder.iterdir() if path.is_file())
            facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            config = (folder / "config.json").read_text("utf-8") if (folder / "config.json").is_file() else ""
        except OSError as error:
            raise StorageError(f"Cannot read {folder}: {error.strerror}.", "Check the permissions.") from error
        return key_of([facts, config])[:_SHOWN]
    from speech3n.store import local_spec

    spec = local_spec(model.name)
    return key_of([model.name, [(file.name, file.checksum) for file in spec.files]])[:_SHOWN]


def size_digest(size: str | None) -> str | None:
    """Which size a name or a file stands for: a file by what is in it."""
    if size is None or not Path(size).is_file():
        return size
    return f"{Path(size).stem} {file_digest(Path(size))[:_SHOWN]}"


@cache
def code_digest(package: str) -> str:
    """Which source code a package has: any change to it may change a result."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    assert folders, f"{package} is a package"
    root = Path(next(iter(folders)))
    sources = sorted(root.rglob("*.py"))
    return key_of([(str(path.relative_to(root)), path.read_text("utf-8")) for path in sources])[:_SHOWN]


def package_version(package: str) -> str:
    """The version of an installed package, `none` without one."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
