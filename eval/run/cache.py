"""Results on disk: what a system made of a recording, to be found again by all that it depends on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from speech3n.errors import StorageError
from speech3n.eval.measures.events import parse_records
from speech3n.eval.systems.recognition import Recognition
from speech3n.runtime.untrusted import Unreadable, parse, read_bytes

_LARGEST_FILE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ResultCache:
    """One JSON file for each result, named by its key; with `fresh` nothing is found, but all is kept."""

    folder: Path
    fresh: bool = False

    def find(self, key: str) -> Recognition | None:
        """The result of a key; None where there is none, or what is there can't be read."""
        if self.fresh:
            return None
        try:
            found = parse(read_bytes(self._path(key), _LARGEST_FILE), Recognition)
            parse_records(found.events or ())
        except (FileNotFoundError, Unreadable):
            return None
        return found

    def keep(self, key: str, recognition: Recognition) -> None:
        """Write a result, whole or not at all; raises StorageError."""
        path = self._path(key)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.json.encode(recognition))
            draft.replace(path)
        except OSError as error:
            raise StorageError(
                f"Cannot keep a result in {self.folder}: {error.strerror}.", "Choose another folder with --cache."
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
