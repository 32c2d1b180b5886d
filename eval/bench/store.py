"""Finished parts of the benchmark: one JSON file each, with the settings and the machine that it was made on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speech3n.errors import StorageError
from speech3n.eval.run.environment import environment

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ResultStore:
    """A folder of results; a part whose settings have not changed is not run again unless `fresh`."""

    folder: Path
    fresh: bool = False

    def part(self, name: str, settings: Record, compute: Callable[[], Any]) -> None:
        """Compute a part and write it as `<name>.json`, or skip it where that is there already."""
        path = self.folder / f"{name}.json"
        if not self.fresh and path.exists() and _read(path)["settings"] == settings:
            progress(f"{name}: done before")
            return
        progress(f"{name}: running")
        result = compute()
        record = {
            "name": name,
            "settings": settings,
            "environment": environment(),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "result": result,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(record, default=_plain, ensure_ascii=False, indent=1) + "\n", "utf-8")
        partial.replace(path)

    def load(self) -> dict[str, Record]:
        """All finished parts by name."""
        return {path.stem: _read(path) for path in sorted(self.folder.glob("*.json"))}


def progress(message: str) -> None:
    """Say on stderr how far the benchmark is."""
    print(f"{datetime.now():%H:%M:%S} {message}", file=sys.stderr, flush=True)


def _read(path: Path) -> Record:
    try:
        record: Record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(f"Cannot read the result {path}: {error}.", "Delete the file and run again.") from error
    return record


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} cannot be written as JSON")
