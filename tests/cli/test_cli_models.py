"""`speech3n models` as people and scripts use it: results on stdout, all else on stderr, exit codes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from speech3n.cli.main import main
from speech3n.store import catalogue
from speech3n.store.catalogue import FileSpec, ModelSpec
from tests.toy_model import GATED, GATED_FILES, REVISION, fill_cache

CONTENT = b'{"toy": true}'
TOY = ModelSpec(
    name="toy",
    family="gemma",
    hub_repo="someone/toy",
    revision="0" * 40,
    files=(FileSpec("config.json", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),),
    licence="MIT",
    description="a toy",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of one toy model, no network, an empty store and an empty hub cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(catalogue, "CATALOGUE", {"toy": TOY})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models" / "toy"


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["models", *arguments])
    captured = capsys.readouterr()
    return caught.value.code, captured.out, captured.err


def _install(folder: Path, content: bytes = CONTENT) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(content)


def test_list_shows_what_is_installed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "list")
    assert code == 0
    assert out.split()[0] == "toy"
    assert "not installed" in out
    assert "MIT" in out
    _install(folder)
    _, out, _ = _run(capsys, "list")
    assert "installed" in out
    assert "not installed" not in out


def test_path_prints_the_folder_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _install(folder)
    assert _run(capsys, "path", "toy") == (0, f"{folder}\n", "")


def test_path_of_a_missing_model_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "path", "toy")
    assert (code, out) == (1, "")
    assert "speech3n models pull toy" in err
    assert err.count("\n") == 1


def test_pull_prints_the_folder_of_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _install(folder)
    assert _run(capsys, "pull", "toy") == (0, f"{folder}\n", "")


def test_pull_offline_is_one_line_that_says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "pull", "--quiet", "toy")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "HF_HUB_OFFLINE" in err
    assert str(folder) in err


def test_verify_tells_a_good_model_from_a_damaged_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _install(folder)
    assert _run(capsys, "verify", "toy") == (0, "toy: all 1 files are as published\n", "")
    (folder / "config.json").write_bytes(CONTENT.upper())
    code, out, err = _run(capsys, "verify", "toy")
    assert code == 1
    assert out == "toy: config.json: not the published file (its checksum differs)\n"
    assert "speech3n models pull toy" in err


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of the catalogue whose licence each user has to accept."""
    monkeypatch.setattr(catalogue, "CATALOGUE", {GATED.name: GATED})


def test_list_shows_licence_and_size_of_a_gated_model(gated: None, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _run(capsys, "list")
    for shown in ("gated-toy", "about 2 GB", "not installed", "Terms of Toys, gated"):
        assert shown in out


def test_a_gated_model_in_the_cache_is_installed_and_verified(
    gated: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_cache(tmp_path, GATED_FILES)
    folder = tmp_path / "models" / GATED.name
    assert _run(capsys, "pull", "--quiet", GATED.name) == (0, f"{folder}\n", "")
    assert _run(capsys, "path", GATED.name) == (0, f"{folder}\n", "")
    code, out, _ = _run(capsys, "verify", GATED.name)
    assert (code, out) == (0, f"gated-toy: all 7 files are as published in commit {REVISION[:12]}\n")
    _, out, _ = _run(capsys, "list")
    assert "2 MB" in out
    assert "not installed" not in out


@pytest.mark.parametrize("command", ["path", "verify"])
def test_a_gated_model_that_is_missing_says_how_to_get_it(
    gated: None, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(capsys, command, GATED.name)
    assert code == 1
    assert "speech3n models pull gated-toy" in err
    assert err.count("\n") == 1
    assert out == ("" if command == "path" else "gated-toy: not installed\n")


@pytest.mark.parametrize("command", ["pull", "verify", "path"])
def test_an_unknown_name_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, command, "tox")
    assert (code, out) == (2, "")
    assert "Did you mean toy?" in err
