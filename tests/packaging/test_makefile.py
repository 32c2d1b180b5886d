"""What a newcomer types: make explains itself, installs what is asked for and no more, and no second time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def make() -> str:
    """The make program."""
    found = shutil.which("make")
    assert found is not None
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with all that the Makefile looks at."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "speech3n" / "tui").mkdir(parents=True)
    return tmp_path


def _dry_run(make: str, target: str, checkout: Path) -> str:
    # As typed, also where the tests themselves are run by make.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    command = [make, "--dry-run", target]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True).stdout


def test_make_alone_shows_the_targets(make: str) -> None:
    shown = subprocess.run([make], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "check", "bench", "clean"):
        assert re.search(rf"^  {target} +\w", shown, re.MULTILINE)


def test_the_demo_installs_speech3n_alone_and_the_tests_the_rest(make: str, checkout: Path) -> None:
    demo = _dry_run(make, "demo", checkout)
    assert "pip install" in demo
    assert "-c constraints.txt" in demo
    assert "-e '.'" in demo
    assert "[dev]" not in demo
    test = _dry_run(make, "test", checkout)
    assert test.index("-e '.'") < test.index("-e '.[dev]'") < test.index("-m pytest")


def test_a_second_run_installs_nothing(make: str, checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".installed-core").touch()
    assert "pip install" not in _dry_run(make, "demo", checkout)
    assert "-e '.'" not in _dry_run(make, "test", checkout)
    (checkout / ".venv" / ".installed").touch()
    assert "pip install" not in _dry_run(make, "demo", checkout)
    assert "pip install" not in _dry_run(make, "test", checkout)


def test_an_old_python_is_refused_in_one_line(make: str, checkout: Path) -> None:
    old = checkout / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = subprocess.run([make, "setup", f"PYTHON={old}"], cwd=checkout, capture_output=True, text=True)
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_checkout_without_links_is_refused_in_one_line(make: str, checkout: Path) -> None:
    """As git makes it where core.symlinks is false: the link is a file that holds its target."""
    (checkout / "speech3n" / "tui").rmdir()
    (checkout / "speech3n" / "tui").write_text("../tui")
    result = subprocess.run([make, "demo"], cwd=checkout, capture_output=True, text=True)
    assert result.returncode != 0
    assert "git config core.symlinks true" in result.stderr
    assert not (checkout / ".venv").exists()
