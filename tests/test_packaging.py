"""What a fresh machine gets: pinned versions, bundled clips with their licences, a Makefile that explains itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import av
import pytest

from tests.conftest import EXAMPLES, REPOSITORY

REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
PERMISSIVE = {"public domain", "MIT", "CC-BY-3.0", "CC-BY-SA-3.0"}
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
RECORDS = [json.loads(line) for line in (EXAMPLES / "examples.jsonl").read_text("utf-8").splitlines()]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {_canonical(name): version for name, version in pairs}


def test_every_installed_dependency_is_pinned_to_the_version_that_runs_here() -> None:
    pinned = _constraints()
    wanted = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["dev"]]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        match = REQUIREMENT.match(requirement)
        assert match is not None
        name = _canonical(match.group())
        if name in seen or "extra ==" in requirement:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            assert ";" in requirement, f"{name} is not installed"
            continue
        assert pinned[name] == distribution.version, name
        wanted += distribution.requires or []
    assert len(seen) > 40


def test_constraints_name_no_address() -> None:
    text = (REPOSITORY / "constraints.txt").read_text("utf-8")
    assert "/" not in text.replace("CONTRIBUTING.md", "")
    assert "@" not in text


def test_torch_and_torchaudio_are_the_same_release() -> None:
    pins = [item for item in PYPROJECT["project"]["dependencies"] if item.startswith("torch")]
    assert pins == ["torch==2.11.0", "torchaudio==2.11.0"]


def test_every_clip_has_a_speaker_a_licence_and_its_words() -> None:
    assert {record["audio"] for record in RECORDS} == {path.name for path in EXAMPLES.glob("*.flac")}
    assert {record["language"] for record in RECORDS} == {"en", "es", "fr", "it", "pt"}
    attribution = (EXAMPLES / "README.md").read_text("utf-8")
    for record in RECORDS:
        assert record["license"] in PERMISSIVE
        assert record["speaker"].split()[-1] in attribution
        assert record["audio"] in attribution
        assert record["text"]
        assert record["translation_en"] or record["language"] == "en"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["language"])
def test_clips_are_what_their_records_say(record: dict[str, object]) -> None:
    with av.open(str(EXAMPLES / str(record["audio"]))) as container:
        stream = container.streams.audio[0]
        assert stream.rate == 16000
        assert stream.channels == 1
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(record["duration_s"], abs=0.01)


def test_the_licences_are_there() -> None:
    assert "Version 2.0, January 2004" in (REPOSITORY / "LICENSE").read_text("utf-8")
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "speech3n/examples/README.md" in (REPOSITORY / "NOTICE").read_text("utf-8")


@pytest.fixture
def make() -> str:
    """The make program."""
    found = shutil.which("make")
    assert found is not None
    return found


def test_make_alone_shows_the_targets(make: str) -> None:
    shown = subprocess.run([make], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "check", "bench", "clean"):
        assert re.search(rf"^  {target} +\w", shown, re.MULTILINE)


def test_a_second_run_installs_nothing(make: str, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    command = [make, "--dry-run", "setup"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "pip install" not in first
    (tmp_path / ".venv" / ".installed").unlink()
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "pip install" in second
    assert "-c constraints.txt" in second


def test_an_old_python_is_refused_in_one_line(make: str, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = subprocess.run([make, "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_nano_is_in_the_wheel_with_its_list(tmp_path: Path) -> None:
    """What setuptools takes of a package whose weights are there."""
    shipped = ["README.md", "config.json", "model.safetensors", "speech3n.json", "tokenizer.json", ".files.json"]
    for name in (*shipped, ".verified.json"):
        (tmp_path / "nano" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "nano" / name).touch()
    code = (
        "import sys\nfrom setuptools.config.pyprojecttoml import apply_configuration\n"
        "from setuptools.dist import Distribution\n"
        "build = apply_configuration(Distribution(), 'pyproject.toml').get_command_obj('build_py')\n"
        "build.finalize_options()\n"
        "build.manifest_files = {}\n"
        "print(*build.find_data_files('speech3n', sys.argv[1]), sep='\\n')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert sorted(found.splitlines()) == sorted(str(tmp_path / "nano" / name) for name in shipped)


def test_help_starts_without_heavy_imports() -> None:
    heavy = "torch transformers faster_whisper ctranslate2 av textual huggingface_hub sounddevice numpy".split()
    code = (
        "import sys, contextlib\nfrom speech3n.cli.main import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['models', 'list'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
