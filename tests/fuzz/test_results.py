"""What evaluation reads back: hypotheses of other programs, logs of sessions, reports, cached results."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from speech3n.eval.commands.session import describe, measure
from speech3n.eval.measures.events import record_of
from speech3n.eval.report.document import encode_report, load_report
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.systems.precomputed import parse_hypotheses
from speech3n.eval.systems.recognition import Recognition
from speech3n.types import End, Segment, Status, Update, Word
from tests.eval.report.sample import sample_report
from tests.fuzz.damage import SPOILED, as_json, changed, lines_of, maybe_damaged, spoil
from tests.fuzz.outcome import outcome, tries

HYPOTHESES = [{"audio": "a.wav", "text": "Por favor"}, {"audio": "b.wav", "text": "Uno", "translation": "One"}]
WORDS = (Word("Por", 0.2, 0.4, 0.9), Word("favor", 0.4, 0.8, 0.8))
LOG = [
    record_of(event)
    for event in (
        Update(WORDS[:1], WORDS[1:], ("Please",), (), segment=0, language="es", audio_s=0.5, elapsed_s=0.6),
        Status(0.75, 0.125, 0.875, 0.25, -30.0, True),
        Update(WORDS, (), ("Please",), ("dial",), segment=0, language="es", audio_s=1.0, elapsed_s=1.2),
        Segment(0, 0.2, 0.8, "Por favor", WORDS, "es", "Please dial", target_language="en"),
        End(2.0, 2.5),
    )
]
REPORT = json.loads(encode_report(sample_report()))
RESULT = msgspec.to_builtins(Recognition("Por favor", "Please", 0.5, 100.0, LOG))
KEY = "ab12"


@tries(0.06)
@given(lines_of(HYPOTHESES).flatmap(maybe_damaged))
def test_hypotheses(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hypotheses.jsonl"
    path.write_bytes(content)
    outcome(lambda: parse_hypotheses(f"other={path}").settings())


@tries(0.08)
@given(lines_of(LOG).flatmap(maybe_damaged))
def test_logs_of_sessions(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "log.jsonl"
    path.write_bytes(content)
    reference = tmp_path_factory.getbasetemp() / "reference.txt"
    reference.write_text("Por favor")
    outcome(lambda: describe(measure(path, reference)))


@tries(0.04)
@given(changed(REPORT).map(as_json).flatmap(maybe_damaged))
def test_reports(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "report.json"
    path.write_bytes(content)
    outcome(lambda: load_report(path))


@tries(0.05)
@given(changed(RESULT).map(as_json).flatmap(maybe_damaged))
def test_cached_results(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "cache"
    path = folder / KEY[:2] / f"{KEY}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    outcome(lambda: ResultCache(folder).find(KEY))


def test_what_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / KEY[:2] / f"{KEY}.json"
    path.parent.mkdir()
    for how in SPOILED:
        spoil(path, how)
        outcome(lambda: parse_hypotheses(f"other={path}").settings())
        outcome(lambda: measure(path))
        outcome(lambda: load_report(path))
        outcome(lambda: ResultCache(tmp_path).find(KEY))
