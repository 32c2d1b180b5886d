"""Model names and folders to engines."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from speech3n.engines import registry
from speech3n.engines.registry import open_engine, resolve_model
from speech3n.errors import ModelError, UsageError
from tests.fakes import FakeEngine


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="whisper-base"):
        open_engine("wisper-base")


@pytest.fixture
def gemma3n(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the Gemma 3n engine is asked to open, which nobody loads here."""
    asked: list[str] = []
    engine = ModuleType("speech3n.engines.gemma.engine")
    engine.Gemma3nEngine = lambda folder, name, sizes: asked.append(name)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, engine.__name__, engine)
    monkeypatch.setattr("speech3n.store.installed_folder", lambda name: None)
    return asked


@pytest.mark.parametrize("name", ["gemma-3n-e2b", "gemma-3n-e4b", "nano"])
def test_names_of_gemma_open_its_engine(name: str, gemma3n: list[str]) -> None:
    open_engine(name)
    assert gemma3n == [name]


def test_a_folder_is_known_by_its_config(tmp_path: Path, gemma3n: list[str]) -> None:
    config = {"model_type": "gemma3n", "text_config": {"model_type": "gemma3n_text"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    open_engine(resolve_model(str(tmp_path)))
    open_engine(str(tmp_path))
    assert gemma3n == [tmp_path.name, tmp_path.name]


def test_what_a_folder_holds_is_asked_once(
    tmp_path: Path, examples: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from speech3n.cli.main import main
    from speech3n.session import batch

    read: list[Path] = []
    read_config = registry.read_config

    def counted(folder: Path, hint: str) -> dict[str, object] | None:
        read.append(folder)
        return read_config(folder, hint)

    monkeypatch.setattr(registry, "read_config", counted)
    monkeypatch.setattr(batch, "open_engine", lambda model: FakeEngine())
    (tmp_path / "config.json").write_text('{"model_type": "gemma3n"}')
    with pytest.raises(SystemExit) as exit_:
        main(["transcribe", str(examples["en"]), "--model", str(tmp_path), "--size", "e2b", "--language", "en"])
    assert not exit_.value.code
    assert read == [tmp_path]


def test_a_folder_of_whisper_opens_its_engine(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json"):
        (tmp_path / name).write_text("{}")
    model = resolve_model(str(tmp_path))
    assert (model.family, model.name, model.in_catalogue) == ("whisper", tmp_path.name, False)
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        open_engine(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (None, "it has no config.json"),
        (b"{}", "it has no model.bin"),
        (b'{"model_type": "gemma3"}', "a model of type 'gemma3'"),
        (b'{"model_type": "gemma3n_text"}', "a model of type 'gemma3n_text'"),
        (b'{"model_type": "whisper"}', "a model of type 'whisper'.*ct2-transformers-converter"),
        (b'{"model_type": ["gemma3n"]}', r"of type \['gemma3n'\]"),
        (b"", "not valid JSON"),
        (b"{'model_type': 'gemma3n'}", "not valid JSON"),
        (b"\xff\xfe{", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'["gemma3n"]', "holds no JSON object"),
        (b" " * 17_000_000, "17 MB"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_folder_without_a_model_says_what_it_holds(tmp_path: Path, config: bytes | None, found: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_bytes(config)
    for use in (resolve_model, open_engine):
        with pytest.raises(ModelError, match=found) as caught:
            use(str(tmp_path))
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)


def test_a_config_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ModelError, match="is not a file"):
        resolve_model(str(tmp_path))


def test_a_config_that_may_not_be_read_is_said(tmp_path: Path, unreadable: Callable[[Path], None]) -> None:
    (tmp_path / "config.json").write_text("{}")
    unreadable(tmp_path / "config.json")
    with pytest.raises(ModelError, match="Permission denied"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize("model", ["./nowhere", "~/nowhere", "{tmp}/nowhere"])
def test_a_folder_that_is_not_there_is_called_a_folder(model: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*nowhere"):
        resolve_model(model.format(tmp=tmp_path))


@pytest.mark.parametrize("model", ["google/gemma-3n-E2B-it", "gemma-3n", "gemma3n-e2b"])
def test_other_names_of_gemma_are_told_the_right_one(model: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean gemma-3n-e[24]b"):
        resolve_model(model)


@pytest.mark.parametrize("model", ["x" * 5000, "a\0b"])
def test_what_cannot_be_a_name_is_unknown(model: str) -> None:
    with pytest.raises(UsageError, match="Unknown model"):
        resolve_model(model)


@pytest.mark.parametrize("command", [["transcribe", "{clip}"], ["live", "{clip}", "--plain"], ["live", "--plain"]])
def test_a_gated_model_that_is_missing_is_said_before_anything_is_heard(
    command: list[str],
    examples: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from huggingface_hub import constants

    from speech3n.cli.main import main

    def hear(*_: object, **__: object) -> None:
        raise AssertionError("something was heard")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("speech3n.audio.microphone.Microphone", hear)
    monkeypatch.setattr("speech3n.audio.source.FileSource.frames", hear)
    arguments = [part.format(clip=examples["en"]) for part in command]
    with pytest.raises(SystemExit) as exit_:
        main([*arguments, "--model", "gemma-3n-e2b"])
    assert exit_.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    for step in ("huggingface.co/google/gemma-3n-E2B-it", "accept the licence", "hf auth login", "--model DIR"):
        assert step in line


def test_a_damaged_model_is_an_error_not_a_crash(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_engine(str(tmp_path))


@pytest.mark.parametrize("error", [Exception("invalid type\nat line 1"), TypeError("unhashable"), ZeroDivisionError()])
def test_whatever_a_damaged_whisper_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr("faster_whisper.WhisperModel", refuse)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        open_engine(str(tmp_path))
    assert "\\n" not in str(caught.value)
