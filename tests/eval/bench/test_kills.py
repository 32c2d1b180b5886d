"""The benchmark of kills counts what is lost, and with a stand-in for the engine nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech3n.eval.bench import kills
from speech3n.eval.bench.kills import Cut, cut_session
from tests.conftest import read_waveform
from tests.fakes import FakeEngine

FAKE = (
    "from tests.fakes import FakeEngine; from speech3n.session import live\n"
    "live.open_engine = lambda model: FakeEngine(); live.install_model = lambda model: None\n"
)


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("events", [1, 9, 25])
def test_nothing_that_was_promised_is_lost(
    events: int, power: bool, examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kills, "_LIVE", FAKE + kills._LIVE)
    monkeypatch.setattr("speech3n.session.recovery.open_engine", lambda model: FakeEngine())
    sound = tmp_path / "sound.pcm"
    sound.write_bytes((read_waveform(examples["en"]) * 32767).astype("<i2").tobytes() * 3)
    cut = cut_session(sound, events, tmp_path, ["--language", "es"], power=power)
    assert cut.lost(cut.final if power else cut.committed) == 0
    assert cut.recovered or power
    assert power or cut.lost_s < 0.5


def test_a_changed_word_and_all_after_it_count_as_lost() -> None:
    cut = Cut(recovered=["uno", "dos", "tres"])
    assert cut.lost(["uno", "dos"]) == 0
    assert cut.lost(["uno", "DOS", "tres"]) == 2
    assert cut.lost(["uno", "dos", "tres", "cuatro"]) == 1
