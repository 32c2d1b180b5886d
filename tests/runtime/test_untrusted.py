"""Whatever a file holds and whatever it is: its content, or a reason on one line."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from speech3n.runtime.untrusted import Seconds, Unreadable, convert, parse, parse_object, read_bytes, read_lines, shown


class _Stretch(msgspec.Struct):
    end_s: Seconds


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(Unreadable, match="it is far too large, over 0 kB"):
        read_bytes(path, 4)
    path.write_bytes(b"123\n12345\n")
    lines = read_lines(path, 5)
    assert next(lines) == b"123\n"
    with pytest.raises(Unreadable, match="a line is longer"):
        next(lines)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, reason in (
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe", "it is not a file"),
        (Path("/dev/zero"), "it is not a file"),
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / ("n" * 5_000), "File name too long"),
        (tmp_path / "a\0b", "embedded null byte"),
    ):
        with pytest.raises(Unreadable, match=reason):
            read_bytes(path, 100)
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "missing", 100)
    assert read_bytes(Path(os.devnull), 100) == b""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"a": ' + b"[" * 100_000, "nested too deep"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "Exceeds the limit"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
    ],
)
def test_what_is_no_object_has_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        parse_object(content)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_and_pairs_of_surrogates_are_read() -> None:
    assert parse_object(b'\xef\xbb\xbf{"a": "\\ud83d\\ude00"}\r\n') == {"a": "\U0001f600"}
    assert parse(b'\xef\xbb\xbf{"end_s": 1}\r\n', _Stretch) == _Stretch(1.0)


@pytest.mark.parametrize("value", ["-1", "1e9", "1e400", "NaN", "Infinity", "9" * 400, "true", '"1"', "null", "[]"])
def test_what_a_type_does_not_take_has_a_reason(value: str) -> None:
    content = f'{{"end_s": {value}}}'
    with pytest.raises(Unreadable):
        parse(content.encode(), _Stretch)
    with pytest.raises(Unreadable):
        convert(parse_object(content), _Stretch)


def test_a_reason_is_one_short_line() -> None:
    assert str(Unreadable("not\nthis.")) == "not this"
    assert str(Unreadable(ZeroDivisionError())) == "ZeroDivisionError"
    assert len(str(Unreadable("a" * 1_000))) == 300


def test_values_are_shown_short() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(True) == "true"
    assert shown("hola") == '"hola"'
    assert len(shown("a" * 1_000_000)) == 80
    assert shown(deep) == "a list that is too large to be shown"
    assert shown(10**5_000) == "a int that is too large to be shown"
