"""The command line on good and bad input: one clear line, the right exit code, nothing lost."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech3n.cli import main as cli
from speech3n.errors import EngineError
from speech3n.session import batch as transcribe
from tests.audio.recordings import Sound, record, record_silent_video
from tests.conftest import read_waveform, silence
from tests.fakes import FakeEngine


def test_one_file_is_printed(run, examples: dict[str, Path], tmp_path: Path) -> None:
    result = run("transcribe", examples["en"], "--language", "en")
    assert result.code == 0
    assert result.out.startswith("w0 w1 w2")
    assert not list(tmp_path.iterdir())


def test_speech_whose_language_is_not_known_is_not_called_no_speech(
    run, examples: dict[str, Path], monkeypatch
) -> None:
    """Not every engine tells the language."""

    class Unknowing(FakeEngine):
        def open_stream(self, options):
            stream = super().open_stream(options)
            decode = stream.decode

            def without_language():
                hypothesis = decode()
                return hypothesis and replace(hypothesis, language=None)

            stream.decode = without_language
            return stream

    monkeypatch.setattr(transcribe, "open_engine", lambda model: Unknowing())
    result = run("transcribe", examples["en"])
    assert result.out.startswith("w0 w1")
    assert "no speech" not in result.err


def test_translation_is_printed_below(run, examples: dict[str, Path]) -> None:
    lines = run("transcribe", examples["en"], "--translate", "--language", "es").out.splitlines()
    assert lines[0].startswith("w0 w1")
    assert lines[1].startswith("t0 t1")


def test_formats_are_written_beside_the_input(run, examples: dict[str, Path], tmp_path: Path) -> None:
    clip = tmp_path / "a talk.v2.flac"
    clip.write_bytes(examples["en"].read_bytes())
    result = run("transcribe", clip, "--format", "txt,srt,vtt,tsv,json")
    assert (result.code, result.out) == (0, "")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a talk.v2.flac", *(f"a talk.v2.{suffix}" for suffix in ("json", "srt", "tsv", "txt", "vtt"))]
    record_ = json.loads((tmp_path / "a talk.v2.json").read_text())
    assert set(record_) == {"audio", "duration_s", "language", "model", "task", "segments"}
    assert record_["duration_s"] == pytest.approx(11, abs=0.1)
    assert record_["segments"][0]["translation"] is None
    assert set(record_["segments"][0]["words"][0]) == {"text", "start", "end", "confidence"}


def test_a_folder_keeps_its_structure(run, examples: dict[str, Path], tmp_path: Path) -> None:
    for name in ("one/a.flac", "two/a.flac", "two/b.flac"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(examples["en"].read_bytes())
    (tmp_path / "in" / "notes.md").write_text("no sound")
    result = run("transcribe", tmp_path / "in", "--output-dir", tmp_path / "out")
    assert result.code == 0
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt"))
    assert written == ["one/a.txt", "two/a.txt", "two/b.txt"]


def test_two_inputs_of_one_name_do_not_overwrite_each_other(run, examples: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a.flac", "a.flac.ogg"):
        (tmp_path / name).write_bytes(examples["en"].read_bytes())
    (tmp_path / "a.wav").write_bytes(examples["en"].read_bytes())
    run("transcribe", tmp_path / "a.flac", tmp_path / "a.wav", "--format", "txt")
    assert (tmp_path / "a.flac.txt").exists()
    assert (tmp_path / "a.wav.txt").exists()


def test_what_is_there_already_is_skipped(run, examples: dict[str, Path], tmp_path: Path) -> None:
    run("transcribe", examples["en"], "--output-dir", tmp_path, "--format", "txt")
    target = tmp_path / f"{examples['en'].stem}.txt"
    target.write_text("mine")
    result = run("transcribe", examples["en"], "--output-dir", tmp_path, "--format", "txt", "--skip-existing")
    assert result.code == 0
    assert target.read_text() == "mine"
    assert "Nothing to do" in result.err


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Every kind of input that holds no speech to transcribe, by the words that its error must have."""
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("This is a text, not a sound.\n" * 50)
    (folder / "folder.wav").mkdir()
    record_silent_video(folder / "video.mp4")
    return {
        "missing.wav": folder / "missing.wav",
        "empty": folder / "empty.wav",
        "text.wav": folder / "text.wav",
        "sound": folder / "video.mp4",
    }


def test_bad_files_are_one_line_each_and_stop_nothing(run, examples: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    bad = bad_inputs(tmp_path / "in")
    result = run("transcribe", *bad.values(), examples["en"], "--output-dir", tmp_path / "out", "--language", "en")
    assert result.code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{examples['en'].stem}.txt"]
    for words, path in bad.items():
        (line,) = [line for line in result.err.splitlines() if path.name in line]
        assert words.lower() in line.lower()
    assert "Traceback" not in result.err


def test_no_permission(run, examples: dict[str, Path], tmp_path: Path, unreadable: Callable[[Path], None]) -> None:
    clip = tmp_path / "secret.flac"
    clip.write_bytes(examples["en"].read_bytes())
    unreadable(clip)
    result = run("transcribe", clip)
    assert result.code == 1
    assert "permission" in result.err.lower()


def test_a_truncated_mp3_gives_what_it_holds(run, examples: dict[str, Path], tmp_path: Path) -> None:
    whole = record(tmp_path / "whole.mp3", read_waveform(examples["en"]), Sound("mp3"))
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = run("transcribe", cut, "--language", "en")
    assert result.code == 0
    assert len(result.out.split()) > 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--language", "spannish"], "spanish"),
        (["--language", "klingon"], "Unknown language 'klingon'"),
        (["--format", "srtt"], "srt"),
        (["--no-such-option"], "no-such-option"),
    ],
)
def test_wrong_usage(run, examples: dict[str, Path], arguments: list[str], words: str) -> None:
    result = run("transcribe", examples["en"], *arguments)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err


def test_an_unknown_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["transcribe", str(examples["en"]), "--model", "wisper-base"])
    assert exit_.value.code == 2
    assert "Did you mean whisper-base?" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_leaves_no_half_file(run, examples: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("speech3n.formats.writers.os.fsync", full)
    result = run("transcribe", examples["en"], "--output-dir", tmp_path, "--language", "en")
    assert result.code == 1
    assert "No space left on device" in result.err
    assert not list(tmp_path.iterdir())


def test_an_engine_that_dies_keeps_what_it_had(
    run, examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = read_waveform(examples["en"])
    clip = record(tmp_path / "long.wav", np.concatenate([english, silence(3), english]), Sound("pcm_s16le"))
    calls = []

    def fail_second(audio_s: float) -> None:
        calls.append(audio_s)
        if len(calls) > 1:
            raise EngineError("The recogniser ran out of memory.")

    monkeypatch.setattr(transcribe, "open_engine", lambda model: FakeEngine(fail_second))
    result = run("transcribe", clip, "--format", "txt", "--language", "en")
    assert result.code == 1
    assert "out of memory" in result.err
    assert (tmp_path / "long.partial.txt").read_text().startswith("w0 w1")
    assert not (tmp_path / "long.txt").exists()


def test_settings_file_gives_defaults_and_flags_win(
    run, examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('language = "en"\n[transcribe]\nformat = "srt"\n')
    monkeypatch.setenv("SPEECH3N_CONFIG", str(settings))
    run("transcribe", examples["en"], "--output-dir", tmp_path / "a")
    run("transcribe", examples["en"], "--output-dir", tmp_path / "b", "--format", "txt")
    assert [path.suffix for path in (tmp_path / "a").iterdir()] == [".srt"]
    assert [path.suffix for path in (tmp_path / "b").iterdir()] == [".txt"]
    settings.write_text('[transcribe]\nformatt = "srt"\n')
    result = run("transcribe", examples["en"])
    assert result.code == 2
    assert "Did you mean format" in result.err


def test_help_loads_neither_torch_nor_textual_nor_an_engine() -> None:
    program = (
        "import sys; from speech3n.cli.main import cli\n"
        "for command in ([], ['transcribe'], ['live'], ['models'], ['recover'], ['finetune'], ['eval']):\n"
        "    try: cli.main([*command, '--help'], standalone_mode=False)\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'textual', 'ctranslate2', 'faster_whisper', 'av', 'onnxruntime'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("transcribe", "live", "recover", "models", "finetune", "eval"):
        assert command in done.stdout
