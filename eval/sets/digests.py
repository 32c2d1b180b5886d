"""Digests of files and of settings: what is made or kept is named by what it comes from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from speech3n.errors import AudioError


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; raises AudioError where it can't be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"Cannot read {path}: {error.strerror}.", "Check the path and the permissions.") from error


def key_of(parts: object) -> str:
    """SHA-256 of the canonical JSON of what a result depends on."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
