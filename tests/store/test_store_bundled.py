"""A model that comes with speech3n is found in the package, checked by its list, and never fetched."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from speech3n import store
from speech3n.cli.main import main
from speech3n.errors import ModelError
from speech3n.store import catalogue, disk, fetch
from speech3n.store.catalogue import FileSpec
from speech3n.store.listing import record_listing
from speech3n.store.progress import SilentProgress
from tests.toy_model import CONFIG, TOY, WEIGHTS

FILES = {"model.safetensors": WEIGHTS, "config.json": CONFIG}
BUNDLED = replace(TOY, hub_repo="", revision="", files=(), packages=(), bundled=True, about_size=1_000_000)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that holds the toy model and its list, and sources that must not be asked."""

    def forbidden(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(catalogue, "CATALOGUE", {"toy": BUNDLED})
    monkeypatch.setattr(disk, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(fetch, "_Pull", forbidden)
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "elsewhere"))
    folder = tmp_path / "package" / "toy"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    listed = (FileSpec(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in FILES.items())
    record_listing(replace(BUNDLED, files=tuple(listed)), folder)
    return folder


class _Telling(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_it_is_installed_and_whole_and_nothing_is_written_beside_it(folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert store.state("toy") is store.State.INSTALLED
    assert store.installed_folder("toy") == store.ensure("toy", download=True) == folder
    assert store.verify("toy") == []
    assert store.local_spec("toy").size == sum(map(len, FILES.values()))
    assert sorted(folder.iterdir()) == before


def test_pulling_it_says_that_it_is_there(folder: Path) -> None:
    progress = _Telling()
    assert store.pull("toy", progress) == folder
    assert progress.said == ["toy comes with speech3n; there is nothing to fetch."]


def test_a_damaged_one_is_told_to_be_installed_again_and_is_not_fetched(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"x" * len(WEIGHTS))
    assert store.verify("toy") == ["model.safetensors: not the published file (its checksum differs)"]
    for use in (store.installed_folder, store.pull, lambda name: store.ensure(name, download=True)):
        with pytest.raises(ModelError, match=r"toy in .* is damaged: model\.safetensors .* install speech3n again"):
            use("toy")


@pytest.mark.parametrize("missing", [".files.json", "config.json"])
def test_a_missing_one_is_told_to_be_installed_again(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    assert store.state("toy") is not store.State.INSTALLED
    for use in (store.installed_folder, store.pull, lambda name: store.ensure(name, download=True)):
        with pytest.raises(ModelError, match=r"toy is not in .* install speech3n again"):
            use("toy")


def test_the_command_line_says_how_to_mend_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(SystemExit) as caught:
        main(["models", "verify", "toy"])
    assert caught.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == "toy: config.json: missing\n"
    assert captured.err == "speech3n: It comes with speech3n: install speech3n again.\n"


def test_the_list_leaves_out_what_nobody_can_fetch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def listed() -> str:
        with suppress(SystemExit):
            main(["models", "list"])
        return capsys.readouterr().out

    assert listed().startswith("toy ")
    for file in folder.iterdir():
        file.unlink()
    assert listed() == ""
