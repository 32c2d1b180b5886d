"""speech3n as a stranger gets it: a wheel, installed where there is nothing but what pip would bring with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.packaging.closure import installed_with, link

_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "speech3n", "tui", "eval")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with speech3n from the wheel."""

    folder: Path

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, in a folder that is not the repository."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
        program = self.folder / "bin" / command[0]
        return subprocess.run([program, *command[1:]], cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what packages are built from: setuptools writes beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in _SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install speech3n`."""
    return _install(wheel, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="session")
def with_gemma(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install "speech3n[gemma]"`."""
    return _install(wheel, tmp_path_factory.mktemp("gemma"), "gemma")


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build a `wheel` or an `sdist` as pip does, with the setuptools that is here."""
    code = f"import sys, setuptools.build_meta as backend; backend.build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, folder], cwd=source, capture_output=True, text=True, check=True)
    (built,) = folder.iterdir()
    return built


def _install(wheel: Path, folder: Path, *extras: str) -> Environment:
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install"]
    subprocess.run([*pip, "--quiet", "--no-index", "--no-deps", wheel], capture_output=True, check=True)
    link(installed_with(*extras), folder / "dependencies")
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{folder / 'dependencies'}\n", "utf-8")
    return Environment(environment)
