"""`speech3n eval session`."""

import json
from pathlib import Path

import msgspec
from click.testing import CliRunner

from speech3n.eval.cli import evaluate
from tests.eval.commands.test_evaluate import invoke


def test_a_past_session_is_scored(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    word = {"text": "hola", "start": 0.5, "end": 1.0, "confidence": 1.0}
    update = {"type": "update", "segment": 0, "tentative": "", "audio_s": 1.5, "elapsed_s": 2.0}
    segment = {"id": 0, "start": 0.5, "end": 1.0, "language": "es", "text": "hola", "words": [word]}
    lines = [
        update | {"committed": "hola"},
        {"type": "segment", **segment, "translation": None},
        {"type": "end", "audio_s": 2.0, "elapsed_s": 2.5, "dropped_s": 0.0},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "said.txt").write_text("Hola, amigo.")
    result = invoke("session", log, "--reference", tmp_path / "said.txt")
    assert "WER 50.0 % (0 substituted, 1 left out, 0 too many of 2; whisper-basic)" in result.stdout
    assert "committed after 1.00 / 1.00 / 1.00 s" in result.stdout
    told = msgspec.json.decode(invoke("session", log, "--json").stdout)
    assert told["words"] is None
    assert told["latency"]["source"]["committed"]["aware"]["median"] == 1.0
    log.write_text("".join(json.dumps(line) + "\n" for line in lines[1:2]))
    broken = CliRunner().invoke(evaluate, ["session", str(log)])
    assert "breaks off" in str(broken.exception)
    missing = CliRunner().invoke(evaluate, ["session", str(tmp_path / "nowhere")])
    assert "Cannot read" in str(missing.exception)
