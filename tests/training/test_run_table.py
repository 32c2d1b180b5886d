"""The table of training runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speech3n.errors import StorageError
from speech3n.training.nano.run_table import run_table


def test_a_run_is_told_by_its_last_numbers(tmp_path: Path) -> None:
    run = tmp_path / "encoder"
    run.mkdir()
    state = {"step": 200, "position": {"epoch": 1, "batch": 7}, "audio_s": 5400.0, "elapsed_s": 1800.0}
    (run / "state.json").write_text(json.dumps(state))
    entries = [{"step": 100, "ctc": 2.0, "pace": 9.0}, {"step": 150, "ctc_per": 40.0}, {"step": 200, "ctc": 1.2345}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    head, rule, line = run_table((run,)).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|")
    assert line == "| encoder | 200 | 2 | 1.5 | 0.5 | ctc 1.23 | ctc_per 40 |"


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no training run"):
        run_table((tmp_path,))
