"""Files and folders that only their owner may read, and that a power cut does not undo."""

from __future__ import annotations

import os
from pathlib import Path


def make_private_folder(path: Path) -> bool:
    """Make a folder, with those above it; whether it was not there before. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    sync_folder(path.parent)
    return True


def create_private(path: Path) -> int:
    """The descriptor of a new file, for writing; raises FileExistsError where there is one already, and OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)


def sync_folder(path: Path) -> None:
    """See the names in a folder to the disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
