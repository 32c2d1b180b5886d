"""`pip install speech3n`: all that Whisper does works, and what needs an extra says so in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES
from tests.packaging.conftest import Environment

_HEAVY = ["torch", "transformers", "faster_whisper", "ctranslate2", "av", "textual", "huggingface_hub", "sounddevice"]
_WALK = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.startswith("speech3n.eval.bench") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""
_HELP = f"""
import sys, click
from click.testing import CliRunner
from speech3n.cli.main import cli

def commands(command, context, path):
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), context, [*path, name])

for path in commands(cli, click.Context(cli), []):
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0 and "Usage:" in result.output, (path, result)
    print(*path)
print([name for name in {[*_HEAVY, "numpy"]!r} if name in sys.modules])
"""


def _asked(alone: Environment, title: str, extra: str) -> str:
    """What is said where an extra is missing: with the pip of the environment that lacks it."""
    python = alone.folder / "bin" / "python"
    return rf'needs {title}, which is not installed. Run: "{python}[\d.]*" -m pip install "speech3n\[{extra}\]"\n'


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The shortest of the bundled clips, beside nothing of the repository."""
    return Path(shutil.copy(EXAMPLES / "fr-please-wait.flac", tmp_path / "clip.flac"))


@pytest.fixture
def manifest(clip: Path) -> Path:
    """The clip with its words."""
    entry = {"audio": clip.name, "language": "fr", "text": "Merci, veuillez attendre", "speaker": "one"}
    path = clip.with_name("clips.jsonl")
    path.write_text(json.dumps(entry) + "\n", "utf-8")
    return path


def test_the_version(alone: Environment, tmp_path: Path) -> None:
    assert alone.run("speech3n", "--version", cwd=tmp_path).stdout == "speech3n, version 0.1.0\n"


def test_every_command_helps_and_loads_nothing_heavy(alone: Environment, tmp_path: Path) -> None:
    shown = alone.run("python", "-c", _HELP, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    *commands, loaded = shown.stdout.splitlines()
    assert {"", "transcribe", "live", "models quantize", "finetune", "eval run", "bench", "recover"} <= set(commands)
    assert loaded == "[]"


def test_models_are_listed_without_heavy_imports(alone: Environment, tmp_path: Path) -> None:
    code = (
        "import sys, contextlib\nfrom speech3n.cli.main import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['models', 'list'])\n"
        f"print([name for name in {[*_HEAVY, 'numpy']!r} if name in sys.modules])"
    )
    *models, loaded = alone.run("python", "-c", code, cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in models if line.startswith(("nano", "whisper-base "))]
    assert loaded == "[]"


def test_the_terminal_ui_and_eval_load(alone: Environment, tmp_path: Path) -> None:
    loaded = alone.run("python", "-c", _WALK, "speech3n.tui", "speech3n.eval", cwd=tmp_path)
    assert loaded.returncode == 0, loaded.stderr
    assert {"speech3n.tui.app", "speech3n.eval.report.page"} <= set(loaded.stdout.splitlines())


@pytest.mark.weights
def test_a_clip_is_transcribed(alone: Environment, clip: Path) -> None:
    result = alone.run("speech3n", "transcribe", clip, "--format", "srt,json", "--translate", cwd=clip.parent)
    assert result.returncode == 0, result.stderr
    assert "Please wait" in clip.with_suffix(".srt").read_text("utf-8")


@pytest.mark.weights
def test_a_clip_is_captioned(alone: Environment, clip: Path) -> None:
    result = alone.run("speech3n", "live", clip, "--plain", "--language", "fr", cwd=clip.parent)
    assert result.returncode == 0, result.stderr
    assert "la connexion avec votre destinataire" in result.stdout


@pytest.mark.weights
def test_a_clip_is_evaluated(alone: Environment, manifest: Path) -> None:
    arguments = ["--mode", "offline", "--mode", "streaming", "--cache", "cache", "--report", "report"]
    result = alone.run("speech3n", "eval", "run", manifest, *arguments, cwd=manifest.parent)
    assert result.returncode == 0, result.stderr
    assert "whisper-base" in (manifest.parent / "report" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        ("transcribe clip.flac --model nano", "nano"),
        ("transcribe clip.flac --model gemma-3n-e2b", "gemma-3n-e2b"),
        ("transcribe clip.flac --model nano --size half", "nano"),
        ("transcribe clip.flac --model folder", "folder"),
        ("live clip.flac --model nano", "nano"),
        ("live clip.flac --plain --model folder", "folder"),
        ("live clip.flac --jsonl --model gemma-3n-e4b --translate", "gemma-3n-e4b"),
        ("eval run clips.jsonl --model nano", "nano"),
        ("eval run clips.jsonl --mode streaming --model folder", "folder"),
        ("models quantize nano --output small", "models quantize"),
        ("models slice gemma-3n-e4b --size e2b --output small", "models slice"),
        ("finetune clips.jsonl --output tuned", "finetune"),
        ("bench", "bench"),
        ("bench --recipe int4", "bench"),
    ],
)
def test_what_needs_pytorch_says_so_in_one_line(alone: Environment, manifest: Path, command: str, subject: str) -> None:
    (nano,) = alone.folder.glob("lib/python*/site-packages/speech3n/nano")
    shutil.copytree(nano, manifest.parent / "folder", ignore=shutil.ignore_patterns("*.safetensors"))
    before = sorted(manifest.parent.iterdir())
    result = alone.run("speech3n", *command.split(), cwd=manifest.parent)
    assert re.fullmatch(f"speech3n: {subject} {_asked(alone, 'PyTorch', 'gemma')}", result.stderr), result.stderr
    assert result.stdout == ""
    assert result.returncode == 1
    assert sorted(manifest.parent.iterdir()) == before


def test_synthesis_says_in_one_line_what_it_needs(alone: Environment, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "en.txt").write_text("Good morning.\tme\n", "utf-8")
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "af_one.bin").write_bytes(bytes(510 * 256 * 4))
    arguments = "--sentences text --voices voices --output spoken --languages en".split()
    result = alone.run("python", "-m", "speech3n.training.nano.synthesise", *arguments, cwd=tmp_path)
    assert re.fullmatch(f"Error: synthesis {_asked(alone, 'Kokoro', 'train')}", result.stderr), result.stderr
    assert result.returncode == 1


def test_with_pytorch_nano_needs_nothing_else(with_gemma: Environment, clip: Path) -> None:
    result = with_gemma.run("speech3n", "transcribe", clip, "--model", "nano", "--language", "fr", cwd=clip.parent)
    assert result.returncode == 0, result.stderr
    assert result.stdout


def test_fine_tuning_needs_nothing_of_the_extra_for_training(with_gemma: Environment, clip: Path) -> None:
    """No phonemes, so no espeak-ng."""
    entries = []
    for number in range(10):
        shutil.copy(clip, clip.with_name(f"{number}.flac"))
        entries.append({"audio": f"{number}.flac", "language": "fr", "text": f"Veuillez attendre, {chr(97 + number)}."})
    manifest = clip.with_name("clips.jsonl")
    manifest.write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
    result = with_gemma.run("speech3n", "finetune", manifest, "--steps", "1", "--output", "tuned", cwd=clip.parent)
    assert "step 1 of 1: loss on held-out clips" in result.stderr, result.stderr
