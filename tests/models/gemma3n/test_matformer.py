"""Submodels as checkpoints: equal to transformers on the cut weights, and to cuts made by hand."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from speech3n.cli.main import main
from speech3n.errors import ModelError, Speech3nError, StorageError, UsageError
from speech3n.models.gemma3n import matformer, pieces
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.matformer import slice_checkpoint
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from tests.models.gemma3n.pairs import TOLERANCE, VISION, build_pair, difference
from tests.models.gemma3n.slices import (
    CONFIG,
    NARROW,
    SIZES,
    SMALL,
    cut_by_hand,
    from_pretrained,
    model_by_hand,
    publish,
    reference_by_hand,
)

IDS = torch.randint(0, VISION, (2, 40), generator=torch.Generator().manual_seed(3))
GATE = "model.language_model.layers.2.mlp.gate_proj.weight"
by_name = pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)


@pytest.fixture(scope="module")
def pair() -> tuple[Gemma3n, Any]:
    return build_pair(CONFIG, seed=11)


@pytest.fixture(scope="module")
def source(pair: tuple[Gemma3n, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in several files, with files around it."""
    folder = publish(pair[1], tmp_path_factory.mktemp("source"), max_shard_size=200_000)
    (folder / "tokenizer.json").write_text('{"a": 1}')
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"never copied")
    (folder / ".cache").write_bytes(b"neither is this")
    assert len(list(folder.glob("*.safetensors"))) > 2
    return folder


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@by_name
def test_a_sliced_checkpoint_equals_one_cut_by_hand(
    pair: tuple[Gemma3n, Any], source: Path, tmp_path: Path, size: Size
) -> None:
    sliced = slice_checkpoint(source, size, tmp_path / "out")
    assert sliced.folder == tmp_path / "out"
    model, expected = load(sliced.folder), model_by_hand(pair[0], size)
    assert model.config == cut_by_hand(size)
    weights = model.state_dict()
    assert weights.keys() == expected.state_dict().keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.state_dict().items())
    assert torch.equal(model(IDS), expected(IDS))


@by_name
def test_a_sliced_checkpoint_loads_in_transformers_and_says_the_same(source: Path, tmp_path: Path, size: Size) -> None:
    folder = slice_checkpoint(source, size, tmp_path / "out").folder
    theirs, report = from_pretrained(folder)
    assert not any("vision" not in str(name) for kind in report.values() for name in kind)
    assert difference(load(folder)(IDS), theirs(input_ids=IDS).logits) < TOLERANCE


@by_name
def test_transformers_says_the_same_with_weights_cut_by_hand(
    pair: tuple[Gemma3n, Any], source: Path, tmp_path: Path, size: Size
) -> None:
    expected = reference_by_hand(pair[0], size)(input_ids=IDS).logits
    model = load(slice_checkpoint(source, size, tmp_path / "out").folder)
    assert difference(model(IDS), expected) < TOLERANCE
    # A size that made no difference would prove nothing.
    assert difference(model(IDS), pair[0](IDS)) > 100 * TOLERANCE


def test_what_belongs_to_the_model_comes_along_and_all_else_stays(source: Path, tmp_path: Path) -> None:
    folder = slice_checkpoint(source, SMALL, tmp_path / "new" / "out").folder
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "preprocessor_config.json"),
    }
    assert folder.stat().st_mode & 0o777 == 0o755
    before, after = (json.loads((place / "config.json").read_text()) for place in (source, folder))
    changed = {key for key in before["text_config"] if before["text_config"][key] != after["text_config"][key]}
    assert changed <= {
        *("num_hidden_layers", "num_kv_shared_layers", "intermediate_size", "layer_types"),
        "activation_sparsity_pattern",
    }
    assert {key for key in before if before[key] != after[key]} == {"text_config"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_large_slice_comes_in_several_files_and_small_blocks(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = slice_checkpoint(source, SMALL, tmp_path / "one").folder
    monkeypatch.setattr(matformer, "_SHARD_BYTES", 100_000)
    monkeypatch.setattr(pieces, "_CHUNK_BYTES", 3_000)
    blocks: list[int] = []
    copy = pieces.copy_piece

    def watched(piece: pieces.Piece) -> Iterator[memoryview]:
        for block in copy(piece):
            blocks.append(len(block))
            yield block

    monkeypatch.setattr(matformer, "copy_piece", watched)
    folder = slice_checkpoint(source, SMALL, tmp_path / "many").folder
    assert max(blocks) <= 3_000
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 3
    expected = load(whole).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in load(folder).state_dict().items())
    assert not any("vision" not in str(name) for kind in from_pretrained(folder)[1].values() for name in kind)


def test_numbers_of_any_type_are_copied_as_they_are(source: Path, tmp_path: Path) -> None:
    folder = copied(source, tmp_path)
    for path in folder.glob("*.safetensors"):
        save_file({name: tensor.bfloat16() for name, tensor in load_file(path).items()}, path)
    single = next(iter(sorted(folder.glob("*.safetensors"))))
    extra = {"model.vision_tower.count": torch.tensor(7), "model.vision_tower.scale": torch.tensor([0.5])}
    weights = load_file(single) | extra
    save_file(weights, single)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] |= dict.fromkeys(extra, single.name)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    sliced = load_file(slice_checkpoint(folder, NARROW, tmp_path / "out").folder / "model.safetensors")
    assert {tensor.dtype for name, tensor in sliced.items() if name not in extra} == {torch.bfloat16}
    assert all(torch.equal(sliced[name], tensor) for name, tensor in extra.items())


def copied(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def test_nothing_that_is_there_is_written_over(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(UsageError, match=r"out' is there already\. Give a new folder"):
        slice_checkpoint(source, SMALL, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        slice_checkpoint(source, SMALL, tmp_path / "link")


def test_a_disk_without_room_is_named_before_anything_is_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 0, 50_300_000))
    with pytest.raises(StorageError, match=r"has 0\.1 GB free, and 'out' takes \d"):
        slice_checkpoint(source, SMALL, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 0, 60_000_000))
    slice_checkpoint(source, SMALL, tmp_path / "out")


def test_a_slice_that_fails_leaves_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Iterator[memoryview]:
        yield memoryview(b"1234")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(matformer, "copy_piece", full)
    with pytest.raises(StorageError, match=r"out' cannot be written: No space left on device\."):
        slice_checkpoint(source, SMALL, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_named(source: Path, tmp_path: Path) -> None:
    folder = copied(source, tmp_path)
    shard = sorted(folder.glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(ModelError, match=r"model-00002.*is damaged or not a safetensors file"):
        slice_checkpoint(folder, SMALL, tmp_path / "out")
    shard.unlink()
    with pytest.raises(ModelError, match=r"has no model-00002-of"):
        slice_checkpoint(folder, SMALL, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        ({GATE: torch.ones(128, 64, dtype=torch.int8)}, r"layers\.2\.mlp\.gate_proj.* of I8, .*quantised ones cannot"),
        ({GATE: torch.ones(120, 64)}, r"gate_proj\.weight is \[120, 64\] of F32.*asks for \[128, 64\]"),
        (
            {GATE.replace("weight", "scales"): torch.ones(4)},
            r"mlp\.gate_proj\.scales.*are quantised\. Slice",
        ),
    ],
    ids=["int8", "shape", "scales"],
)
def test_weights_that_cannot_be_cut_are_named(
    source: Path, tmp_path: Path, replacement: dict[str, torch.Tensor], message: str
) -> None:
    folder = copied(source, tmp_path)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shard = folder / index["weight_map"][GATE]
    save_file(load_file(shard) | replacement, shard)
    with pytest.raises(ModelError, match=message):
        slice_checkpoint(folder, SMALL, tmp_path / "out")


def test_the_command_makes_a_model_and_prints_its_folder(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = tmp_path / "e3b.toml"
    size.write_text("ffn = 96\nskip = [5, 6]\n")
    arguments = ["models", "slice", str(source), "--size", str(size), "--output", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (0, f"{tmp_path / 'out'}\n")
    assert "Slicing" in captured.err
    text = load(tmp_path / "out").config.text
    assert (text.num_hidden_layers, text.num_kv_shared_layers, set(text.intermediate_size)) == (8, 3, {96})
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.err.count("\n") == 1
    assert "is there already" in captured.err


@pytest.mark.parametrize("size", ["e2b", "e3b", "."])
def test_the_command_names_sizes_that_do_not_fit(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", "slice", str(source), "--size", size, "--output", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert issubclass(UsageError, Speech3nError)
