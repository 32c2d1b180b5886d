"""Which files a model has where the catalogue does not say: as its hub cache or the hub itself lists them, or, where
the model comes with speech3n, as the package does.

The catalogue pins the commit of such a model. The hub publishes the SHA-256 of every large file of a commit and
git's SHA-1 of every small one. They are recorded in the model's folder when it is fetched, and from then on it is
checked like a model whose checksums are pinned: `verify` needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from speech3n.runtime.untrusted import Number, Text, Unreadable, convert, read_json
from speech3n.store import hub
from speech3n.store.catalogue import FileSpec, ModelSpec
from speech3n.store.hub import SourceError

_LISTING = ".files.json"
"""Name of the file, in a model's folder, that says which files it has."""
_WANTED = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("*.safetensors", "*.safetensors.index.json", "speech3n.json"),
    *("tokenizer*.json", "tokenizer.model", "added_tokens.json", "special_tokens_map.json", "chat_template*.j*"),
)
"""What is taken of a repository: never a pickle, never code."""
_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_INDEX = "model.safetensors.index.json"
_LARGEST_FILE = 100_000_000
_GIT_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _ListedFile(msgspec.Struct):
    name: Text
    size: Number
    checksum: Text


class _Listing(msgspec.Struct):
    files: list[_ListedFile]
    revision: Text = ""


class _Index(msgspec.Struct):
    """Which file has which weight."""

    weight_map: dict[str, str]


def with_files(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The model with the files that its folder records, where the catalogue lists none."""
    if spec.files:
        return spec
    try:
        record = convert(read_json(folder / _LISTING, _LARGEST_FILE), _Listing)
        files = tuple(_file(file.name, file.size, file.checksum) for file in record.files)
    except (FileNotFoundError, ValueError):
        return spec
    if not spec.bundled and not record.revision:
        return spec
    return replace(spec, revision=spec.revision if spec.bundled else record.revision, files=files)


def record_listing(spec: ModelSpec, folder: Path) -> None:
    """Write down in a model's folder which files it has, and of which commit; raises OSError."""
    files = [{"name": file.name, "size": file.size, "checksum": file.checksum} for file in spec.files]
    origin = {} if spec.bundled else {"revision": spec.revision}
    text = json.dumps({**origin, "files": files}, indent=1)
    draft = folder / f"{_LISTING}.{os.getpid()}"
    draft.write_text(text + "\n", "utf-8")
    draft.replace(folder / _LISTING)


def cached_snapshot(spec: ModelSpec) -> Path | None:
    """The folder in the user's hub cache that holds the whole model, in the pinned commit or the one called main."""
    from huggingface_hub import try_to_load_from_cache

    for revision in (spec.revision, "main"):
        config = try_to_load_from_cache(spec.hub_repo, "config.json", revision=revision)
        if isinstance(config, str) and _is_whole(Path(config).parent):
            return Path(config).parent
    return None


def from_snapshot(spec: ModelSpec, snapshot: Path) -> ModelSpec:
    """The model with the files of a snapshot in the hub cache."""
    files = tuple(_cached_file(path) for path in sorted(snapshot.iterdir()) if _is_wanted(path.name))
    return replace(spec, revision=snapshot.name, files=files)


def from_hub(spec: ModelSpec) -> ModelSpec:
    """The model with the files of its commit, as the hub lists them; raises SourceError."""
    info = hub.repository(spec)
    try:
        files = [_published_file(sibling) for sibling in info.siblings or () if _is_wanted(sibling.rfilename)]
        names = {file.name for file in files}
    except (ValueError, TypeError, AttributeError) as error:
        raise SourceError(f"the hub's list of {spec.hub_repo} has no checksums ({error})") from error
    if missing := [name for name in _NEEDED if name not in names]:
        raise SourceError(f"{spec.hub_repo} has no {missing[0]}")
    if not any(name.endswith(".safetensors") for name in names):
        raise SourceError(f"{spec.hub_repo} has no weights in safetensors")
    return replace(spec, files=tuple(sorted(files, key=lambda file: (file.size, file.name))))


def _is_wanted(name: str) -> bool:
    return "/" not in name and "\\" not in name and any(fnmatchcase(name, pattern) for pattern in _WANTED)


def _is_whole(snapshot: Path) -> bool:
    """Whether a folder holds the files that a model needs, and all the weights that its index names."""
    shards = {"model.safetensors"}
    with suppress(FileNotFoundError, Unreadable):
        shards = set(convert(read_json(snapshot / _INDEX, _LARGEST_FILE), _Index).weight_map.values())
    return all(_is_wanted(name) and (snapshot / name).is_file() for name in (*_NEEDED, *shards))


def _published_file(sibling: Any) -> FileSpec:
    return _file(sibling.rfilename, int(sibling.size), sibling.lfs.sha256 if sibling.lfs else sibling.blob_id)


def _cached_file(path: Path) -> FileSpec:
    """A file of a snapshot, which the cache stores under its checksum: a link to `blobs/<checksum>`."""
    blob = path.resolve()
    size = blob.stat().st_size
    if _SHA256.fullmatch(blob.name) or _GIT_SHA1.fullmatch(blob.name):
        return _file(path.name, size, blob.name)
    # A system without links: the name that the hub gave the content is lost, and what is there is all there is.
    with blob.open("rb") as stream:
        return FileSpec(path.name, size, hashlib.file_digest(stream, "sha256").hexdigest())


def _file(name: str, size: int, checksum: str) -> FileSpec:
    """A file by the kind of its checksum; raises ValueError where it is none, or the name is not a model's file."""
    if not _is_wanted(name):
        raise ValueError(f"{name!r} is no file of a model")
    if _SHA256.fullmatch(checksum):
        return FileSpec(name, size, checksum)
    if _GIT_SHA1.fullmatch(checksum):
        return FileSpec(name, size, git_sha1=checksum)
    raise ValueError(f"{name}: {checksum!r}")
