"""Hypotheses of another program."""

from pathlib import Path

import pytest

from speech3n.errors import Speech3nError, UsageError
from speech3n.eval.systems.precomputed import HypothesesError, parse_hypotheses


def test_hypotheses_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"audio": "a.wav", "text": "a"}\n{"audio": "b.wav"}\n')
    with pytest.raises(Speech3nError, match=r"other\.jsonl, line 2"):
        parse_hypotheses(f"other={path}").settings()
    with pytest.raises(UsageError):
        parse_hypotheses("=x")


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"{",
        b'{"audio": 1, "text": "a"}',
        b'{"audio": "b.wav", "text": null}',
        b'{"audio": "b.wav", "text": "a", "translation": 1}',
        b'{"audio": "b.wav", "text": "\\ud800"}',
        b'{"audio": ' + b"[" * 100_000,
        b'{"audio": "b.wav", "text": "\xff"}',
    ],
)
def test_what_is_no_hypothesis_is_one_line_with_its_place(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(b'{"audio": "a.wav", "text": "a"}\n' + line + b"\n")
    with pytest.raises(HypothesesError, match=r"other\.jsonl, line 2: (no hypothesis|not UTF-8)") as caught:
        parse_hypotheses(f"other={path}").settings()
    assert len(str(caught.value)) < 500


def test_hypotheses_may_have_any_separator_in_their_texts_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes('\ufeff{"audio": "a.wav", "text": "one\u2028two", "score": NaN}\r\n'.encode())
    assert parse_hypotheses(f"other={path}").settings() == {"file": "other.jsonl", "texts": 1}


def test_a_folder_in_place_of_hypotheses_is_said(tmp_path: Path) -> None:
    with pytest.raises(HypothesesError, match="it is a folder"):
        parse_hypotheses(f"other={tmp_path}").settings()
