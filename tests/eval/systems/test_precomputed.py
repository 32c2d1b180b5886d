"""Hypotheses of another program."""

from pathlib import Path

import pytest

from speech3n.errors import Speech3nError, UsageError
from speech3n.eval.systems.precomputed import parse_hypotheses


def test_hypotheses_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"audio": "a.wav", "text": "a"}\n{"audio": "b.wav"}\n')
    with pytest.raises(Speech3nError, match=r"other\.jsonl, line 2"):
        parse_hypotheses(f"other={path}").settings()
    with pytest.raises(UsageError):
        parse_hypotheses("=x")
