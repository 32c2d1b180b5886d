import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import speech3n.engines.registry
from eval.cli import evaluate
from eval.datasets import Clip
from eval.scoring import ClipResult, recognise, score
from speech3n.engines.base import EngineInfo, StreamOptions
from speech3n.errors import EngineError
from speech3n.types import SAMPLE_RATE, Hypothesis, Waveform, Word


class FakeStream:
    """Hears a word for each half second of what it is given."""

    def __init__(self, options: StreamOptions, texts: Sequence[str]) -> None:
        self._options, self._texts, self._samples = options, texts, 0

    def accept_waveform(self, pcm: Waveform) -> None:
        self._samples += len(pcm)

    def decode(self) -> Hypothesis | None:
        heard_s = self._samples / SAMPLE_RATE
        words = tuple(
            Word(text, 0.5 * index, 0.5 * (index + 1), 1.0)
            for index, text in enumerate(self._texts)
            if 0.5 * (index + 1) <= heard_s
        )
        translation = ("hello", "dear", "friend", "mine") if self._options.translate else None
        return Hypothesis(words, self._options.language, 1.0, translation, heard_s)

    def input_finished(self) -> None:
        pass


SPEECH = Path(__file__).parents[3] / "shared/eval/es/asterisk-core-conf-now-muted.flac"
INFO = EngineInfo("fake", frozenset({"es"}), frozenset({"transcribe", "translate"}))


@dataclass
class FakeEngine:
    texts: tuple[str, ...] = ("hola", "amigo")
    streams_left: int = 100
    closed: bool = False
    info: EngineInfo = INFO

    def open_stream(self, options: StreamOptions) -> FakeStream:
        if self.streams_left == 0:
            raise EngineError("The engine broke.", "Mend it.")
        self.streams_left -= 1
        return FakeStream(options, self.texts)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    line = {"audio": str(SPEECH), "language": "es", "text": "¡Hola, amiga!", "duration_s": 3.0}
    lines = [line | {"translation_en": "Hello, dear friend of mine!"}, line | {"text": "Hola, amigo."}]
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return path


def clip(manifest: Path) -> Clip:
    return Clip(SPEECH, "es", "¡Hola, amiga!", 3.0, "Hello, dear friend of mine!")


def test_a_file_gives_text_and_translation_and_no_delays(manifest: Path) -> None:
    result = recognise(FakeEngine(), clip(manifest), "offline")
    assert (result.text, result.translation, result.delays) == ("hola amigo", "hello dear friend mine", ())


def test_streaming_gives_a_delay_for_each_word(manifest: Path) -> None:
    result = recognise(FakeEngine(), clip(manifest), "streaming")
    assert result.text == "hola amigo"
    assert [delay.text for delay in result.delays] == ["hola", "amigo"]
    assert all(0.0 < delay.commit_delay < 3.0 for delay in result.delays)


def test_scores_are_summed_by_language(manifest: Path) -> None:
    english = Clip(manifest, "en", "one two", 1.0)
    results = [ClipResult(clip(manifest), "hola amigo", None), ClipResult(english, "one two", None)]
    first, second = score([*results, ClipResult(clip(manifest), "hola", None)])
    assert (first.language, first.words.rate, first.translation) == ("en", 0.0, None)
    assert (second.clips, second.words.substitutions, second.words.deletions) == (2, 1, 1)


def test_the_command_prints_a_table_and_writes_a_report(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    monkeypatch.setattr(speech3n.engines.registry, "open_engine", lambda model: engine)
    report = manifest.parent / "report"
    result = CliRunner().invoke(evaluate, ["run", str(manifest), "--report", str(report)])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if " es " in line and "│" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")][:5] == ["es", "2", "4", "25.0", "25.0"]
    written = json.loads((report / "report.json").read_text("utf-8"))
    assert written["scores"][0]["wer"] == 0.25
    assert [entry["text"] for entry in written["clips"]] == ["hola amigo"] * 2
    assert engine.closed


def test_an_engine_that_breaks_leaves_the_results_so_far(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech3n.engines.registry, "open_engine", lambda model: FakeEngine(streams_left=1))
    report = manifest.parent / "report"
    result = CliRunner().invoke(evaluate, ["run", str(manifest), "--report", str(report)])
    assert isinstance(result.exception, EngineError)
    assert len(json.loads((report / "report.json").read_text("utf-8"))["clips"]) == 1
