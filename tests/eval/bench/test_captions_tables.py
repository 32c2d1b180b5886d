from pathlib import Path
from typing import Any

import pytest

from speech3n.errors import StorageError
from speech3n.eval.bench.captions.tables import render
from speech3n.eval.bench.readme import replace_block

ENVIRONMENT = {
    "cpu": "Some CPU",
    "usable_cores": 2,
    "python": "3.11.7",
    "versions": {"speech3n": "0.1.0", "faster-whisper": "1.2.1"},
}


def part(settings: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": {"model": "whisper-base", **settings},
        "environment": ENVIRONMENT,
        "finished_at": "2026-11-21T10:00:00+00:00",
        "result": result,
    }


SESSION = {
    "audio_s": 150.0,
    "commit_delay_s": {"median": 1.234, "p95": 2.5, "maximum": 3.75},
    "clip_end_delay_s": {"median": 0.9, "p95": 1.25},
    "shown_delay_s": {"median": 0.5},
    "rtf": 0.3,
    "own_rtf": 0.29,
    "max_lag_s": 1.5,
    "process": {"peak_rss_mib": 350.0},
    "text": "hola",
}


def live(pace: str = "simulated", **changes: Any) -> dict[str, Any]:
    return part({"gap_s": 0.8, "pace": pace}, SESSION | changes)


def row(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_busy_core_costs_what_it_costs() -> None:
    text = render({"busy-es": live()})
    assert row(text, "es")[1:] == ["2.5", "1.23 / 2.50 / 3.75", "0.90 / 1.25", "0.50", "0.30", "1.50", "350"]
    assert "Some CPU, 2 cores, Python 3.11.7, speech3n 0.1.0, faster-whisper 1.2.1; 2026-11-21." in text


def test_agreement_says_whether_the_texts_are_the_same() -> None:
    simulated = live()
    same = render({"agreement-simulated": simulated, "agreement-realtime": live("realtime")})
    assert "The texts are the same." in same
    assert row(same, "realtime")[5] == "0.29"
    other = render({"agreement-simulated": simulated, "agreement-realtime": live("realtime", text="ola")})
    assert "The texts are not the same." in other


def test_sounds_and_memory() -> None:
    listened = {"words_final": 0, "words_shown": 1, "cpu_s": 6.0, "cpu_rtf": 0.01}
    held = {"first_quarter_mib": 300.0, "last_quarter_mib": 304.0, "peak_rss_mib": 350.0, "rtf": 0.25}
    text = render(
        {
            "silence-white-noise": part({"sound": "white noise", "minutes": 10.0}, listened),
            "memory": part({"minutes": 60.0}, held),
        }
    )
    assert row(text, "white noise") == ["white noise", "10", "0", "1", "6.0", "1.0"]
    assert row(text, "60") == ["60", "300", "304", "+4", "350", "0.25"]


def test_no_results_no_tables() -> None:
    assert render({}) == ""


def test_tables_go_between_the_markers(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- bench:start -->\nold\n<!-- bench:end -->\nafter\n")
    replace_block(path, "new\n")
    replace_block(path, "new\n")
    assert path.read_text() == "before\n<!-- bench:start -->\n\nnew\n\n<!-- bench:end -->\nafter\n"
    path.write_text("no markers")
    with pytest.raises(StorageError, match="no place"):
        replace_block(path, "new")
