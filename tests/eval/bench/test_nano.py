"""`python -m speech3n.eval.bench.nano`: its parts on systems that need no weights, and the tables of their results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from speech3n.errors import EngineError
from speech3n.eval.bench.nano.__main__ import main
from speech3n.eval.bench.nano.exactness import measure_exactness
from speech3n.eval.bench.nano.speed import measure_speed
from speech3n.eval.bench.nano.tables import Measured, render
from speech3n.eval.conditions.condition import Clean
from speech3n.eval.report.assemble import ReportOptions, assemble
from speech3n.eval.report.document import Report
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.run.evaluation import Evaluation
from speech3n.eval.run.plan import Plan
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.recordings import single_recordings
from speech3n.eval.systems.system import System
from speech3n.types import SAMPLE_RATE
from tests.conftest import EXAMPLES, REPOSITORY
from tests.eval.scripted_systems import ScriptedCaptions, ScriptedSystem

EXACT = {"clips": 100, "same": 99, "difference": 1.2e-6, "tokens_a_frame": [1]}
MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for name, language, text, translation in (
        ("a", "es", "uno dos", "one and two is three"),
        ("b", "es", "tres cuatro", "three and four is seven"),
        ("c", "en", "five six", None),
    ):
        path = tmp_path / f"{name}.wav"
        write_wav(path, np.full(SAMPLE_RATE, ord(name) / 1000, np.float32))
        found.append(Clip(path, language, text, 1.0, translation))
    return found


def report(clips: Sequence[Clip], folder: Path, systems: Sequence[System]) -> Report:
    settings = {system: system.settings() for system in systems}
    plan = Plan(clips, single_recordings(clips), [Clean()], settings, translate=True, jobs=1)
    evaluation = Evaluation(plan, ResultCache(folder / "cache"))
    evaluation.run(lambda _: None)
    return assemble(evaluation, ReportOptions(folder))


def record(result: dict[str, Any], weights: str = "a") -> dict[str, Any]:
    return {
        "settings": {"clips": 100, "threads": 1, "weights": weights},
        "environment": {"cpu": "a processor", "usable_cores": 2, "python": "3.11", "versions": {"speech3n": "0"}},
        "finished_at": "2026-01-01T00:00:00",
        "result": result,
    }


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def below(text: str, title: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this title."""
    lines = iter(rows(text))
    next(row for row in lines if row[0] == title)
    next(lines)
    found = {}
    for row in lines:
        if row[1:2] == ["asked"]:
            break
        found[row[0]] = row[1:]
    return found


def test_languages_stand_in_columns_and_systems_in_rows_beside_what_was_asked(
    clips: list[Clip], tmp_path: Path
) -> None:
    systems = [
        ScriptedCaptions("nano", "offline"),
        ScriptedCaptions("nano", wrong_on="b.wav"),
        ScriptedCaptions("nano half", "offline", "half", wrong_on="c.wav"),
        ScriptedSystem(tmp_path, "faster-whisper base", text="uno"),
    ]
    measured = report(clips, tmp_path, systems)
    text = render(Measured({"synthetic": measured}, {}))
    assert "out of training: 3 clips, 0.1 min**" in text
    assert ["WER %", "asked", "en", "es"] in rows(text)
    wer = below(text, "WER %")
    assert wer["nano, file"][0] == "≤ 15"
    assert {name: [cell.strip("*").split(" ")[0] for cell in cells[1:]] for name, cells in wer.items()} == {
        "nano, file": ["0.0", "0.0"],
        "nano, live": ["0.0", "50.0"],
        "nano, half width, file": ["100.0", "0.0"],
        "Whisper base, file": ["100.0", "75.0"],
    }
    bleu = below(text, "BLEU to English")
    assert bleu["nano, file"][:2] == ["> Whisper base", "–"]
    assert bleu["nano, file"][2].startswith("100.0")
    assert ["**" in cells[2] for cells in wer.values()] == [True, False, True, False]
    assert bleu["Whisper base, file"][0] == "-"
    assert below(text, "")["captions end as the file's text, synthetic speech"] == ["all", "2 of 3 clips", "-"]
    assert "≤ 15" not in render(Measured({"real": measured}, {}))


def test_first_words_are_timed_by_the_system_that_aligns_them(clips: list[Clip]) -> None:
    systems: list[System] = [
        ScriptedCaptions("nano", "offline"),
        ScriptedCaptions("nano", late_s=0.25, wrong_on="b.wav"),
        ScriptedCaptions("half", late_s=0.75),
        ScriptedCaptions("whisper", late_s=2.0, wrong_on="c.wav"),
    ]
    result = measure_speed(clips, systems)
    offline, soon, late, reference = result.values()
    assert (offline["mode"], soon["mode"]) == ("offline", "streaming")
    assert [offline["rtf"], soon["rtf"]] == pytest.approx([0.1, 0.2])
    assert offline["first_word_s"].count == 0
    assert [one["first_word_s"].count for one in (soon, late, reference)] == [1, 2, 2]
    assert [one["first_word_s"].median for one in (soon, late, reference)] == pytest.approx([0.25, 0.75, 2.0])
    assert [one["soon"] for one in (soon, late)] == [1, 0]


def test_a_clip_that_failed_leaves_no_speed(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="1 clips failed; the last because: The engine broke"):
        measure_speed(clips[:1], [ScriptedSystem(tmp_path, fails_on="a", how="engine")])


def test_frames_are_heard_and_answered_as_the_clip_is() -> None:
    line = json.loads((EXAMPLES / "examples.jsonl").read_text("utf-8").splitlines()[1])
    clip = Clip(EXAMPLES / line["audio"], line["language"], line["text"], 1.0, "not null")
    result = measure_exactness(str(MEMORISED), "whole", [clip])
    assert (result["clips"], result["same"], result["tokens_a_frame"]) == (1, 1, [1])
    assert 0 < result["difference"] < 1e-4


def test_streaming_and_speed_are_tables_of_their_own() -> None:
    delays = {"count": 90, "median": 0.4321, "p95": 0.8, "maximum": 1.0}
    live = {"mode": "streaming", "rtf": 0.2, "first_word_s": delays, "soon": 60}
    file = {"mode": "offline", "rtf": 0.05, "first_word_s": {"count": 0}, "soon": 0}
    speed = {f"{name}/{one['mode']}": one for name in ("nano", "half", "whisper") for one in (file, live)}
    text = render(Measured({}, {"exactness-whole": record(EXACT), "speed": record(speed)}))
    assert ["frames of 160 ms end as the clip at once", "all", "99 of 100 clips", "-"] in rows(text)
    assert ["soft tokens: largest difference", "none", "1e-06", "-"] in rows(text)
    assert ["soft tokens from 160 ms of sound", "1", "1", "-"] in rows(text)
    assert ["", "asked", "nano", "nano, half width", "Whisper base"] in rows(text)
    assert ["RTF, file", "≤ 0.1", *["0.050"] * 3] in rows(text)
    assert ["first word shown after its end, median / 95 %, ms", "-", *["432 / 800"] * 3] in rows(text)
    assert ["the same within 500 ms", "all", *["60 of 90 clips"] * 3] in rows(text)
    assert "a processor, 2 cores" in text


def test_the_tables_go_where_the_marks_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out, places = tmp_path / "out", [tmp_path / "README.md", tmp_path / "speech3n" / "nano" / "README.md"]
    for folder in (out, places[1].parent):
        folder.mkdir(parents=True)
    for place in places:
        place.write_text("before\n<!-- bench-nano:start -->\nold\n<!-- bench-nano:end -->\nafter\n")
    (out / "exactness-half.json").write_text(json.dumps(record(EXACT)))
    result = CliRunner().invoke(main, ["--out", str(out), "--update-readme"])
    assert result.exit_code == 0, result.output
    for text in (place.read_text("utf-8") for place in places):
        assert "99 of 100 clips" in text
        assert "old" not in text
        assert text.endswith("<!-- bench-nano:end -->\nafter\n")
    assert CliRunner().invoke(main, ["--out", str(tmp_path / "none"), "--table"]).output.strip() == ""


def test_parts_of_different_weights_make_no_tables(tmp_path: Path) -> None:
    for size, weights in (("whole", "a"), ("half", "b")):
        (tmp_path / f"exactness-{size}.json").write_text(json.dumps(record(EXACT, weights)))
    result = CliRunner().invoke(main, ["--out", str(tmp_path), "--table"])
    assert result.exit_code == 1
    assert "different weights" in result.output
