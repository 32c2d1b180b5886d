"""A folder that appears when all of it is written, and never in part."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from speech3n.errors import StorageError, UsageError

_SPARE_BYTES = 50_000_000
"""Room that a disk needs beside the large files."""


def require_absent(folder: Path) -> None:
    """Raise UsageError where something has the name of the new folder."""
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"'{folder}' is there already.", "Give a new folder with --output.")


@contextmanager
def new_folder(folder: Path, nbytes: int) -> Iterator[Path]:
    """A folder to fill with about `nbytes`, which becomes `folder` when all went well and goes when not.

    Raises UsageError where `folder` exists, StorageError where the disk is too small or cannot be written.
    """
    require_absent(folder)
    draft: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
        if free < nbytes + _SPARE_BYTES:
            raise StorageError(
                f"'{folder.parent}' has {free / 1e9:.1f} GB free, and '{folder.name}' takes {nbytes / 1e9:.1f} GB.",
                "Make room, or choose a folder on another disk.",
            )
        draft = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield draft
        # mkdtemp lets nobody else look into it.
        draft.chmod(0o755)
        draft.rename(folder)
        draft = None
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"'{folder}' cannot be written: {reason}.", "Choose another folder.") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
