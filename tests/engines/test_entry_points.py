"""Engines come in by entry point: those of other packages too, and none before it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from speech3n import store

_ENGINE = """
from speech3n.engines.base import ModelRef
from tests.fakes import FakeEngine

class ParrotFactory:
    model_files = "feathers.txt of a parrot"

    def can_open(self, model: ModelRef) -> bool:
        return (model.folder / "feathers.txt").is_file()

    def require_packages(self, model: ModelRef) -> None:
        pass

    def check_size(self, model: ModelRef) -> None:
        assert model.size == "large"

    def open(self, model: ModelRef) -> FakeEngine:
        return FakeEngine()
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder for sys.path in which another package is installed that brings an engine."""
    site = tmp_path / "site"
    metadata = site / "parrot-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[speech3n.engines]\nparrot = parrot:ParrotFactory\n")
    (site / "parrot.py").write_text(_ENGINE)
    return site


def run(program: str, *arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A program in a Python of its own, which has not looked for engines yet."""
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)


_MAIN = "import sys; from speech3n.cli.main import main; main(sys.argv[1:])"


def test_the_engine_of_another_package_opens_its_models(
    package: Path, tmp_path: Path, examples: dict[str, Path]
) -> None:
    model = tmp_path / "polly"
    model.mkdir()
    (model / "feathers.txt").touch()
    done = run(_MAIN, "transcribe", examples["en"], "--model", model, "--size", "large", "--quiet", path=package)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("w0 w1 w2")
    (model / "feathers.txt").unlink()
    done = run(_MAIN, "transcribe", examples["en"], "--model", model, "--quiet", path=package)
    assert done.returncode == 1
    assert "feathers.txt of a parrot" in done.stderr


def test_an_engine_that_cannot_be_loaded_is_named(package: Path, tmp_path: Path, examples: dict[str, Path]) -> None:
    (package / "parrot.py").write_text("import feathers")
    done = run(_MAIN, "transcribe", examples["en"], "--model", tmp_path, "--quiet", path=package)
    assert done.returncode == 1
    assert "The engine 'parrot' cannot be loaded: No module named 'feathers'. Install parrot again" in done.stderr


def test_every_model_of_the_catalogue_has_an_engine() -> None:
    engines = {entry.name for entry in entry_points(group="speech3n.engines")}
    assert {store.model_spec(name).family for name in store.known_models()} <= engines


_COMPUTE = ("torch", "transformers", "ctranslate2", "faster_whisper")
_LOADED = """
import json, sys
{work}
engines = [name for name in sys.modules if name.startswith("speech3n.engines.") and name.count(".") > 2]
print("\\n" + json.dumps([*engines, *(name for name in {compute!r} if name in sys.modules)]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["models", "list"]], ids=" ".join)
def test_what_needs_no_model_loads_no_engine(arguments: list[str]) -> None:
    work = f"from speech3n.cli.main import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    done = run(_LOADED.format(work=work, compute=_COMPUTE))
    assert json.loads(done.stdout.splitlines()[-1]) == [], done.stderr


def test_a_model_is_resolved_without_what_computes(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gemma3n"}')
    work = (
        "from speech3n.engines.registry import resolve_model\n"
        "assert resolve_model('whisper-base').family == 'whisper'\n"
        "assert resolve_model('gemma-3n-e4b', 'e2b').family == 'gemma'\n"
        f"assert resolve_model({str(tmp_path)!r}).family == 'gemma'\n"
    )
    done = run(_LOADED.format(work=work, compute=_COMPUTE))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout.splitlines()[-1])) == {
        *("speech3n.engines.gemma.factory", "speech3n.engines.whisper.factory")
    }
