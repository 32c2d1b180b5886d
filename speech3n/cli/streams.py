"""Standard streams as they are found: closed, full, or in an encoding that lacks some characters."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from speech3n.errors import StorageError

_ELSEWHERE = "Have it written to a file, with --format or --output-dir."


class ReaderGone(Exception):
    """Whoever read stdout went away, as `| head` does."""


class ClosedStream(io.TextIOBase):
    """Stands for stdout where a program was started without one."""

    def write(self, text: str) -> int:
        """Raises StorageError."""
        raise StorageError("stdout is closed.", _ELSEWHERE)


def prepare_streams() -> None:
    """Have characters that an encoding lacks replaced instead of ending the program, and a missing stdout said."""
    if sys.stdout is None:
        sys.stdout = ClosedStream()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (open until the program ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush_stdout() -> None:
    """Write what waits; raises StorageError where that can't be, BrokenPipeError where nobody reads any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable_stdout(error) from error


def unwritable_stdout(error: OSError) -> StorageError:
    """What to say where stdout takes nothing."""
    return StorageError(f"stdout cannot be written: {error.strerror or error}.", _ELSEWHERE)


def abandon_stdout() -> None:
    """Leave what waits unwritten: Python would complain when it tries once more at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
