"""What others wrote, read with care: a file that may be anything, JSON that may hold anything.

Whatever is wrong ends in one exception whose text is the reason, on one line and without a full stop. Who reads makes
an error of it that says which file was meant and what to do.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import msgspec

Kind = TypeVar("Kind")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]

_SHOWN = 80
"""Characters of a value that a reason shows."""
_LONGEST_REASON = 300


class Unreadable(ValueError):
    """Something that is not what it should be; its text says why."""

    def __init__(self, reason: object) -> None:
        words = " ".join((str(reason) or type(reason).__name__).split()).rstrip(".")
        super().__init__(words if len(words) <= _LONGEST_REASON else f"{words[: _LONGEST_REASON - 1]}…")


def read_bytes(path: Path, largest: int) -> bytes:
    """All that a file holds, where that is at most `largest` bytes; raises FileNotFoundError, and Unreadable."""
    with open_file(path) as file:
        try:
            content = file.read(largest + 1)
        except OSError as error:
            raise Unreadable(error.strerror or error) from error
    if len(content) > largest:
        raise Unreadable(f"it is far too large, over {_size(largest)}")
    return content


def read_text(path: Path, largest: int) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark; raises as `read_bytes` does."""
    return decode_text(read_bytes(path, largest))


def read_lines(path: Path, largest: int) -> Iterator[bytes]:
    """The lines of a file of any length, each of at most `largest` bytes; raises as `read_bytes` does."""
    with open_file(path) as file:
        try:
            while line := file.readline(largest + 1):
                if len(line) > largest:
                    raise Unreadable(f"a line is longer than {_size(largest)}")
                yield line
        except OSError as error:
            raise Unreadable(error.strerror or error) from error


def read_json(path: Path, largest: int) -> dict[str, Any]:
    """The JSON object in a file; raises as `read_bytes` does."""
    return parse_object(read_bytes(path, largest))


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read it; raises FileNotFoundError where there is none, Unreadable for anything else."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable("it is a folder")
        # Opening a named pipe would wait for ever, and a device may never end.
        if not stat.S_ISREG(mode) and str(path) != os.devnull:
            raise Unreadable("it is not a file")
        return path.open("rb")
    except FileNotFoundError:
        raise
    except Unreadable:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name.
        raise Unreadable(getattr(error, "strerror", None) or error) from error


def decode_text(content: bytes) -> str:
    """Bytes as UTF-8, with or without a byte-order mark; raises Unreadable."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start} is not UTF-8") from error


def parse_object(content: bytes | str) -> dict[str, Any]:
    """The object that JSON holds, whatever is in it; raises Unreadable."""
    text = decode_text(content) if isinstance(content, bytes) else content
    try:
        found = json.loads(text)
        if "\\ud" in text.lower():
            # Half a character (a surrogate without its pair) could be written nowhere.
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Unreadable("not JSON: a \\u escape is half a character") from error
    except RecursionError as error:
        raise Unreadable("not JSON: it is nested too deep") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise Unreadable(f"not JSON: {error.msg} at {place}") from error
    except ValueError as error:  # A number of thousands of digits.
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def parse(content: bytes, kind: type[Kind]) -> Kind:
    """JSON as a value of a type, with the bounds that the type has; raises Unreadable."""
    try:
        return msgspec.json.decode(content.removeprefix(BYTE_ORDER_MARK), type=kind)
    except RecursionError as error:
        raise Unreadable("not JSON: it is nested too deep") from error
    except ValueError as error:
        raise Unreadable(error) from error


def convert(value: object, kind: type[Kind]) -> Kind:
    """What JSON held as a value of a type, with the bounds that the type has; raises Unreadable."""
    try:
        return msgspec.convert(value, kind)
    except (ValueError, RecursionError) as error:
        raise Unreadable(error) from error


def shown(value: object) -> str:
    """A value as a message shows it: as JSON has it, shortened where it is long, and never an error of its own."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):  # A number of thousands of digits, or lists in lists in lists.
        text = f"a {type(value).__name__} that is too large to be shown"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1_000_000 else f"{count / 1e3:.0f} kB"
