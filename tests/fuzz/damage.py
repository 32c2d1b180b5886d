"""What happens to input: values of the wrong kind, bytes that flip, files that are none."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DEEP, LONG = "<a list in a list in a list>", "<megabytes of text>"
_STANDS_FOR = {json.dumps(DEEP): "[" * 100_000 + "]" * 100_000, json.dumps(LONG): '"' + "a" * 2_000_000 + '"'}

NUMBERS = st.sampled_from([0, -1, 1, 7, -0.5, 0.1, 1e9, 1e308, -1e308, 2**31, 2**53 + 1, 2**64, 10**400, -(10**400)])
STRANGE_NUMBERS = st.sampled_from([float("nan"), float("inf"), float("-inf")])
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "\0", "\x1b[2J", "\ud800", "\ufeff", "\u202e", "\u2028", "a/../../b", "nan", "1e9", "[bold]", LONG]
    ),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    STRANGE_NUMBERS,
    TEXTS,
    st.sampled_from([[], {}, [[]], [None], {"": {}}, DEEP]),
    st.lists(st.one_of(NUMBERS, TEXTS), max_size=3),
).map(copy.deepcopy)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of a JSON value: what holds it and its key or index."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def _near(value: float) -> list[float]:
    """Numbers that might stand in a number's place."""
    return [-value, value + 1, value - 1, value * 2, value // 2]


@st.composite
def changed(draw: st.DrawFn, record: Any) -> Any:
    """A JSON value with some members replaced, taken out or added."""
    found = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 3))):
        members = places(found)
        if not members or draw(st.integers(0, 30)) == 0:
            return draw(VALUES)
        # Lists of numbers would take most of the changes.
        named = [place for place in members if isinstance(place[0], dict)]
        holder, key = draw(st.sampled_from(named if named and draw(st.integers(0, 3)) else members))
        match draw(st.sampled_from(["replace", "replace", "near", "near", "remove", "add"])):
            case "near" if isinstance(holder[key], int | float):
                holder[key] = draw(st.sampled_from([1, 2, 3, 1000, *_near(holder[key])]))
            case "near" | "replace":
                holder[key] = draw(VALUES)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(TEXTS)] = draw(VALUES)
            case "add":
                holder.append(draw(VALUES))
    return found


def as_json(value: Any) -> bytes:
    """The JSON text of a value, with what numbers, texts and lists of it stand for."""
    text = json.dumps(value)
    for short, whole in _STANDS_FOR.items():
        text = text.replace(short, whole)
    return text.encode()


@st.composite
def lines_of(draw: st.DrawFn, records: list[Any]) -> bytes:
    """A file of JSON lines, some of them changed, in any order."""
    chosen = draw(st.lists(st.sampled_from(records), max_size=6))
    changes = draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen)))
    lines = [
        as_json(draw(changed(record)) if is_changed else record)
        for record, is_changed in zip(chosen, changes, strict=True)
    ]
    return draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b""])).join(lines) + b"\n"


@st.composite
def maybe_damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes of a file, in one of six cases damaged, and sometimes with a byte-order mark."""
    if draw(st.integers(0, 5)) == 0:
        content = damaged(content, random.Random(draw(st.integers(0, 2**32))))
    return b"\xef\xbb\xbf" + content if draw(st.integers(0, 8)) == 0 else content


def damaged(content: bytes, chance: random.Random, *, most: int = 8) -> bytes:
    """Bytes flipped, overwritten, cut out, doubled, cut off: up to `most` times."""
    found = bytearray(content)
    for _ in range(chance.randint(1, most)):
        start = chance.randrange(len(found) + 1)
        end = min(len(found), start + chance.choice([1, 1, 2, 4, 16, 200, 5_000]))
        match chance.choice(["flip", "flip", "overwrite", "fill", "remove", "double", "move", "cut"]):
            case "flip" if start < len(found):
                found[start] ^= 1 << chance.randrange(8)
            case "overwrite":
                found[start:end] = chance.randbytes(end - start)
            case "fill":
                found[start:end] = bytes([chance.choice([0, 1, 0x7F, 0x80, 0xFF])]) * (end - start)
            case "remove":
                del found[start:end]
            case "double":
                found[start:start] = found[start:end]
            case "move":
                piece = bytes(found[start:end])
                del found[start:end]
                place = chance.randrange(len(found) + 1)
                found[place:place] = piece
            case "cut":
                del found[max(start, len(found) // 8) :]
    return bytes(found)


def spoil(path: Path, how: str) -> None:
    """Put something in place of a file: nothing, an empty file, a folder, a pipe that nobody writes to, a loop."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match how:
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)


SPOILED = ("missing", "empty", "folder", "pipe", "loop")
