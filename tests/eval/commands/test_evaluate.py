"""`speech3n eval run` and `eval session` as they are typed, on real clips."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speech3n.errors import Speech3nError
from speech3n.eval.cli import evaluate
from speech3n.eval.report.document import Report, load_report
from tests.conftest import EXAMPLES, REPOSITORY

MODEL = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
SPANISH = (
    "Por favor ingrese una o más palabras claves separadas por un asterisco y después presione la tecla de número."
)
ENGLISH = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEECH3N_EVAL_CACHE", str(tmp_path / "cache"))
    lines = [
        {"audio": "en-jfk.flac", "language": "en", "text": ENGLISH, "speaker": "JFK"},
        {
            "audio": "es-keywords.flac",
            "language": "es",
            "text": SPANISH,
            "translation_en": "Please type.",
            "accent": "MX",
        },
    ]
    for line in lines:
        shutil.copy(EXAMPLES / line["audio"], tmp_path)
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def invoke(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(evaluate, [str(argument) for argument in arguments], standalone_mode=False)
    assert result.exception is None, result.output
    assert result.return_value == code, result.output
    return result


def test_offline_streaming_and_given_texts_side_by_side(manifest: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.jsonl"
    given.write_text(
        json.dumps({"audio": "en-jfk.flac", "text": ENGLISH.upper()})
        + "\n"
        + json.dumps({"audio": "es-keywords.flac", "text": "Por favor", "translation": "Please"})
    )
    report = tmp_path / "report"
    options = ["--mode", "offline", "--mode", "streaming", "--hypotheses", f"upper={given}", "--report", report]
    result = invoke("run", manifest, "--model", MODEL, *options, "--by", "accent")
    offline, streaming, upper = load_report(report).systems
    assert [system.mode for system in (offline, streaming, upper)] == ["offline", "streaming", "given"]
    for system in (offline, streaming):
        assert [group.wer.value for group in system.groups if group.field == "language"] == [0.0, 0.0]
        assert system.peak_memory_mib is not None
    spanish = streaming.group("language", "es")
    assert spanish is not None
    assert spanish.bleu is not None
    assert spanish.delays is not None
    assert spanish.delays.source.committed.aware is not None
    assert spanish.delays.source.committed.aware.count == len(SPANISH.split())
    accents = upper.group("accent", "MX")
    assert accents is not None
    assert accents.wer.value == pytest.approx(17 / 19)
    assert upper.group("language", "en").wer.value == 0.0  # type: ignore[union-attr]
    assert "upper, given" in result.stdout
    assert (report / "index.html").stat().st_size > 10_000
    assert "# Evaluation of" in (report / "report.md").read_text("utf-8")
    # All of it is in the cache now.
    again = tmp_path / "again"
    invoke("run", manifest, "--model", MODEL, *options[:4], "--report", again, "--compare", report)
    compared: Report = load_report(again)
    assert [system.from_cache for system in compared.systems] == [2, 2]
    assert compared.earlier is not None
    assert compared.earlier.created == load_report(report).created


def test_sizes_of_a_model_stand_side_by_side(manifest: Path, tmp_path: Path) -> None:
    size = tmp_path / "narrow.toml"
    size.write_text("ffn = 8")
    options = ["--model", MODEL, "--language", "es", "--size", "whole", "--size", size]
    invoke("run", manifest, *options, "--report", tmp_path / "report")
    whole, narrow = load_report(tmp_path / "report").systems
    assert [system.name for system in (whole, narrow)] == [MODEL.name, f"{MODEL.name} narrow"]
    assert whole.groups[0].wer.value == 0.0
    assert narrow.groups[0].wer.value != 0.0
    size.write_text("ffn = 9")
    invoke("run", manifest, *options, "--report", tmp_path / "report")
    assert [system.from_cache for system in load_report(tmp_path / "report").systems] == [1, 0]


def test_joined_clips_and_sounds_without_speech(manifest: Path, tmp_path: Path) -> None:
    options = ["--mode", "streaming", "--join", "0.8", "--false-text", "0.05", "--language", "es"]
    invoke("run", manifest, "--model", MODEL, *options, "--report", tmp_path / "report")
    report = load_report(tmp_path / "report")
    assert report.set.gap_s == 0.8
    group = report.systems[0].group("language", "es")
    assert group is not None
    assert group.wer.value == 0.0
    assert group.delays is not None
    assert group.delays.after_sound is not None
    assert [(one.sound, one.words_final) for one in report.false_text][:2] == [("silence", 0), ("quiet noise", 0)]


def test_what_fails_is_named_and_the_rest_is_reported(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "en-jfk.flac").write_bytes(b"no sound")
    line = json.loads(manifest.read_text("utf-8").splitlines()[0]) | {"duration_s": 11.0}
    lines = [json.dumps(line), *manifest.read_text("utf-8").splitlines()[1:]]
    manifest.write_text("\n".join(lines), "utf-8")
    result = invoke("run", manifest, "--model", MODEL, "--report", tmp_path / "report", code=1)
    assert "en-jfk.flac" in result.stderr
    assert "1 of 2 results are missing" in result.stderr
    report = load_report(tmp_path / "report")
    assert (report.systems[0].clips_done, report.systems[0].clips_asked) == (1, 2)
    assert "es" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "whisper-bas"], "Did you mean whisper-base"),
        (["--model", "whisper-base", "--size", "e2b"], "whisper-base has one size only"),
        (["--model", str(MODEL), "--size", "e3b"], "There is no size 'e3b'"),
        (["--condition", "telefone"], 'Did you mean "telephone"'),
        (["--by", "speeker"], "Did you mean speaker"),
        (["--hypotheses", "nothing"], "is not NAME=FILE"),
        (["--hypotheses", "x=nowhere.jsonl"], "Cannot read nowhere.jsonl"),
        (["--compare", "nowhere"], "Cannot read nowhere"),
        (["--join", "-1"], "less than no silence"),
        (["--language", "de"], "de"),
    ],
)
def test_wrong_usage_is_found_before_anything_is_recognised(manifest: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(evaluate, ["run", str(manifest), *options])
    assert isinstance(result.exception, Speech3nError), result.output
    assert message in str(result.exception)
    assert not (manifest.parent / "cache").exists()


@pytest.mark.weights
def test_faster_whisper_stands_beside_ours_on_the_same_clip(manifest: Path, tmp_path: Path) -> None:
    options = ["--model", "whisper-base", "--peer", "whisper-base", "--language", "en", "--jobs", "2"]
    invoke("run", manifest, *options, "--report", tmp_path / "report")
    ours, baseline = load_report(tmp_path / "report").systems
    assert (ours.id, baseline.id) == ("whisper-base/offline/clean", "faster-whisper base/offline/clean")
    assert baseline.settings["beam_size"] == 5
    for system in (ours, baseline):
        group = system.group("language", "en")
        assert group is not None
        assert group.wer.value is not None
        assert group.wer.value < 0.1
        assert group.rtf is not None
