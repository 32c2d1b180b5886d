"""A crash, a hang, a fall out of memory and a wrong exception are seen, each with its input, and the rest is tried."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from speech3n.errors import AudioError
from tests.fuzz import child


def use(path: Path) -> None:
    """Do what the file says."""
    match path.read_text():
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            while True:
                pass
        case "memory":
            bytearray(8 << 30)
        case "raise":
            raise ValueError("not one of ours")
        case "refuse":
            raise AudioError("It is empty.", "Copy it again.")


def test_what_goes_wrong_is_seen_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(child, "_LONGEST_S", 3.0)
    inputs = []
    for number, what in enumerate(["fine", "crash", "refuse", "hang", "memory", "raise", "fine"]):
        inputs.append(tmp_path / f"{number}.txt")
        inputs[-1].write_text(what)
    failures = child.try_all(__name__, inputs)
    kept = [Path(failure.split(":", 1)[0]).read_text() for failure in failures]
    assert kept == ["crash", "hang", "memory", "raise"]
    for failure, reason in zip(
        failures, ["exit code -11", "it took more than 3 s", "MemoryError", "not one of ours"], strict=True
    ):
        assert reason in failure
