"""A trained nano put into the package, and `--model nano` with what is there."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from speech3n import store
from speech3n.cli.main import main
from speech3n.engines.base import StreamOptions
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.engines.registry import install_model, open_engine, resolve_model
from speech3n.errors import ModelError, UsageError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.store import disk
from speech3n.training.nano.model import CAPABILITIES, FOLDER, new_nano
from speech3n.training.nano.ship import ship
from speech3n.training.new_checkpoint import save_companions
from tests.conftest import EXAMPLES, read_waveform
from tests.training.nano_doubles import SMALL_HALF, small_nano

CLIP = EXAMPLES / "es-keywords.flac"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a smaller nano, as `average` makes it, that learned nothing."""
    tokenizer, config = small_nano()
    folder = tmp_path_factory.mktemp("trained")
    save_companions(folder, tokenizer, config)
    replace(CAPABILITIES, sizes={"half": SMALL_HALF}).write(folder)
    checkpoint.save(new_nano(config, 0).bfloat16(), folder)
    return folder


@pytest.fixture
def package(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's folder of nano with all but weights and list, and no other model anywhere."""
    monkeypatch.setattr(disk, "PACKAGE", tmp_path / "package")
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    folder = tmp_path / "package" / "nano"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return folder


@pytest.fixture
def shipped(trained: Path, package: Path) -> Path:
    ship(trained, package)
    return package


def test_before_it_is_shipped_nano_is_not_there(package: Path) -> None:
    assert store.state("nano") is store.State.MISSING
    with pytest.raises(ModelError, match=r"nano is not in .* install speech3n again"):
        open_engine("nano")


def test_what_is_shipped_is_small_listed_and_nearly_the_same(trained: Path, package: Path) -> None:
    nbytes = ship(trained, package)
    assert nbytes == sum(path.stat().st_size for path in package.iterdir() if path.name != ".files.json")
    assert (package / "model.safetensors").stat().st_size < 0.8 * (trained / "model.safetensors").stat().st_size
    assert store.installed_folder("nano") == package
    assert store.verify("nano") == []
    assert [path.name for path in package.glob("*.safetensors*")] == ["model.safetensors"]
    ids = torch.arange(2, 30)[None]
    with torch.inference_mode():
        found, expected = (checkpoint.load(folder).float()(ids) for folder in (package, trained))
    assert 0 < float((found - expected).norm() / expected.norm()) < 0.06
    # Shipped again, of the same weights, nothing is new.
    before = {path.name: path.read_bytes() for path in package.iterdir()}
    ship(trained, package)
    assert {path.name: path.read_bytes() for path in package.iterdir()} == before


@pytest.mark.parametrize("changed", ["config.json", "tokenizer.json", "speech3n.json"])
def test_a_checkpoint_with_another_config_or_tokenizer_is_refused(
    trained: Path, package: Path, tmp_path: Path, changed: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    (other / changed).write_text((other / changed).read_text("utf-8").replace("32", "64").replace("en", "fr"), "utf-8")
    with pytest.raises(ModelError):
        ship(other, package)
    assert not list(package.glob("*.safetensors"))


def test_nano_is_opened_by_its_name_with_what_it_was_trained_for(shipped: Path) -> None:
    nano = resolve_model("nano")
    install_model(nano)
    with closing(open_engine(nano)) as engine:
        assert engine.info.name == "nano"
        assert engine.info.languages == {"en", "es", "fr", "it", "pt"}
        assert engine.info.target_languages == {"en"}
        assert engine.info.sizes == ()
        with pytest.raises(UsageError, match=r"nano does not know the language 'de'\. It knows en, es, fr, it, pt"):
            engine.open_stream(StreamOptions(language="de"))
    assert not list(shipped.glob(".verified*"))


def test_nano_runs_at_half_its_width_and_changes_between_both(shipped: Path) -> None:
    with closing(open_engine(resolve_model("nano", "half"))) as half, closing(open_engine("nano", "auto")) as elastic:
        assert isinstance(half, Gemma3nEngine)
        assert isinstance(elastic, Gemma3nEngine)
        assert set(half.submodels.largest.config.text.intermediate_size) == {SMALL_HALF.ffn}
        assert elastic.info.sizes == ("half", "whole")
        stream = elastic.open_stream(StreamOptions(language="es", translate=True))
        stream.use_size("half")
        stream.accept_waveform(read_waveform(CLIP)[:16_000])
        assert stream.decode() is not None
    for size in ("e2b", "quarter"):
        with pytest.raises(UsageError, match=rf"There is no size '{size}'\. Sizes are half, or a file\."):
            resolve_model("nano", size)


@pytest.mark.parametrize("size", [[], ["--size", "half"], ["--size", "auto"]])
def test_files_are_transcribed_with_nano(shipped: Path, tmp_path: Path, size: list[str]) -> None:
    out = tmp_path / "out"
    options = ["--model", "nano", "--language", "es", "--translate", "--format", "json", "--output-dir", str(out)]
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", str(CLIP), "--quiet", *options, *size])
    assert not ended.value.code
    written = json.loads((out / f"{CLIP.stem}.json").read_text("utf-8"))
    assert (written["model"], written["language"], written["task"]) == ("nano", "es", "translate")


def test_what_is_in_the_package_now_is_whole() -> None:
    assert store.verify("nano") == []
    assert store.local_spec("nano").size < 30_000_000
    assert Capabilities.read(FOLDER) == CAPABILITIES
