import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.bench import offline
from eval.bench.measure import BenchError, ProcessCost
from eval.bench.store import ResultStore
from eval.datasets import Clip


def value(command: Sequence[str], option: str) -> str:
    return command[command.index(option) + 1]


class FakePrograms:
    """Stands in for both programs: ours hears every text right, the peer leaves the last word out."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = clips
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> ProcessCost:
        self.commands.append(list(command))
        if "eval.peer" in command:
            translate = value(command, "--task") == "translate"
            texts = {str(clip.audio): "hello" if translate else clip.text.rsplit(" ", 1)[0] for clip in self.clips}
            Path(value(command, "--output")).write_text(json.dumps(texts), "utf-8")
            return ProcessCost(4.0, 5.0, 300.0)
        for clip in self.clips:
            segments = [{"text": word, "translation": "hello"} for word in clip.text.split()]
            path = Path(value(command, "--output-dir")) / f"{clip.audio.stem}.json"
            path.write_text(json.dumps({"segments": segments}), "utf-8")
        return ProcessCost(3.0, 4.0, 200.0)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    clips = [
        Clip(Path("es/a.flac"), "es", "marque el número 1", 3.0, "dial number 1"),
        Clip(Path("es/b.flac"), "es", "adiós amigo", 5.0, "goodbye friend"),
    ]
    fake = FakePrograms(clips)
    monkeypatch.setattr(offline, "run_process", fake)
    monkeypatch.setattr(offline, "speech3n_command", lambda: ["speech3n"])
    return fake


def run(programs: FakePrograms, folder: Path) -> dict[str, dict[str, Any]]:
    store = ResultStore(folder / "results")
    offline.run_offline(store, programs.clips, model=str(folder), rounds=2)
    offline.run_translations(store, programs.clips, model=str(folder))
    return store.load()


def test_both_systems_are_scored_on_the_same_files(programs: FakePrograms, tmp_path: Path) -> None:
    systems = run(programs, tmp_path)["offline-es"]["result"]["systems"]
    ours, peer = systems["speech3n"], systems["faster-whisper"]
    assert ours["scores"]["whisper"]["wer"] == 0.0
    assert peer["scores"]["whisper"]["wer"] == pytest.approx(2 / 6)
    assert peer["scores"]["whisper"]["errors"]["deletions"] == 2
    assert (ours["wall_s"], ours["rtf"], ours["peak_rss_mib"]) == (3.0, 3 / 8, 200.0)
    assert ours["same_text_every_round"]


def test_systems_take_turns_in_going_first(programs: FakePrograms, tmp_path: Path) -> None:
    run(programs, tmp_path)
    timed = [command for command in programs.commands if "--translate" not in command and "translate" not in command]
    assert ["eval.peer" in command for command in timed] in ([True, False, False, True], [False, True, True, False])


def test_both_get_the_language_and_word_times(programs: FakePrograms, tmp_path: Path) -> None:
    record = run(programs, tmp_path)["offline-es"]
    assert {value(command, "--language") for command in programs.commands} == {"es"}
    assert record["settings"]["peer"] == {
        "device": "cpu",
        "compute_type": "int8",
        "beam_size": 5,
        "word_timestamps": True,
    }


def test_translations_are_scored_against_english(programs: FakePrograms, tmp_path: Path) -> None:
    systems = run(programs, tmp_path)["translate-es"]["result"]["systems"]
    assert systems["speech3n"]["hypotheses"] == ["hello hello hello hello", "hello hello"]
    assert systems["faster-whisper"]["hypotheses"] == ["hello", "hello"]
    assert "tok:13a" in systems["speech3n"]["score"]["bleu_signature"]


def test_a_model_that_is_not_there_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "speech3n_command", lambda: ["sh", "-c", "echo 'no such model' >&2; exit 1"])
    with pytest.raises(BenchError, match="no such model"):
        offline.model_folder("whisper-none")
