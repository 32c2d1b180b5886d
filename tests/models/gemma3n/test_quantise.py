"""Checkpoints quantise tensor by tensor, load mapped, and say what the original says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from speech3n.cli.models import models
from speech3n.engines.base import StreamOptions
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.errors import ModelError, UsageError
from speech3n.layers import pages
from speech3n.layers.embedding import Int8Rows, table_of
from speech3n.layers.quantised import Int4Linear, Int8Embedding, Int8Linear
from speech3n.models.gemma3n.checkpoint import load, save
from speech3n.models.gemma3n.quantisation import KEY, RECIPES, dequantise, read_formats
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from tests.conftest import read_waveform

MEMORISED = Path(__file__).parents[2] / "data" / "gemma3n-memorised"
IDS = torch.tensor([[2, 11, 12, 13, 14, 15, 16, 17, 18, 19]])


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("quantised")
    for name, recipe in RECIPES.items():
        quantise_checkpoint(MEMORISED, recipe, folder / name)
    return {name: folder / name for name in RECIPES}


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def copy_of(folder: Path, new: Path, **changes: Any) -> Path:
    """A quantised checkpoint with some of its record changed."""
    new.mkdir()
    for path in folder.iterdir():
        (new / path.name).write_bytes(path.read_bytes())
    config = json.loads((new / "config.json").read_text("utf-8"))
    config[KEY] |= changes
    (new / "config.json").write_text(json.dumps(config), "utf-8")
    return new


def formats(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "config.json").read_text("utf-8"))[KEY]["modules"]
    return found


def test_each_part_is_in_its_format(quantised: dict[str, Path]) -> None:
    kinds = formats(quantised["int4"])
    assert kinds["audio_tower.conformer.0.ffw_layer_start.ffw_layer_1"] == "int4-64"
    assert kinds["language_model.embed_tokens_per_layer"] == "int8-rows"
    # 80 columns are no whole number of groups.
    assert kinds["language_model.layers.0.mlp.gate_proj"] == "int8"
    assert not any("norm" in name or "coefs" in name or "pos_proj" in name for name in kinds)
    model = load(quantised["int4"])
    assert isinstance(model.audio_tower.conformer[0].ffw_layer_start.ffw_layer_1, Int4Linear)
    assert isinstance(model.language_model.layers[0].mlp.up_proj, Int8Linear)
    assert isinstance(model.language_model.embed_tokens, Int8Embedding)
    assert isinstance(model.language_model.embed_tokens_per_layer, Int8Rows)


def test_files_name_their_recipe_and_are_smaller(quantised: dict[str, Path]) -> None:
    paths = list(quantised["int8"].glob("*.safetensors"))
    with safe_open(paths[0], "pt") as file:
        assert file.metadata()["recipe"] == "int8"
    assert sum(path.stat().st_size for path in paths) < 0.75 * (MEMORISED / "model.safetensors").stat().st_size
    assert (quantised["int8"] / "tokenizer.json").read_bytes() == (MEMORISED / "tokenizer.json").read_bytes()


@pytest.mark.parametrize(("recipe", "limit"), [("int8", 0.06), ("int4", 0.3)])
def test_logits_stay_near_the_originals(quantised: dict[str, Path], recipe: str, limit: float) -> None:
    plain, rounded = load(MEMORISED).float(), load(quantised[recipe]).float()
    mel = torch.randn(1, 80, 128, generator=torch.Generator().manual_seed(4))
    for found, expected in ((rounded(IDS), plain(IDS)), (rounded.encode(mel), plain.encode(mel))):
        assert found.dtype == expected.dtype
        difference = float((found - expected).norm() / expected.norm())
        assert 0 < difference < limit


def test_weights_are_the_mapped_file(quantised: dict[str, Path]) -> None:
    model = load(quantised["int8"])
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("there is no /proc here")
    starts = [line.split()[0].split("-") for line in maps.read_text().splitlines() if str(quantised["int8"]) in line]
    spans = [(int(start, 16), int(end, 16)) for start, end in starts]
    for module in (model.language_model.embed_tokens_per_layer, model.language_model.embed_tokens):
        address = module.weight_int8.data_ptr()
        assert any(start <= address < end for start, end in spans)


def test_the_per_layer_table_gives_the_same_mapped_and_in_memory(quantised: dict[str, Path]) -> None:
    model = load(quantised["int8"])
    mapped = model(IDS)
    table = model.language_model.embed_tokens_per_layer
    table.weight_int8 = table.weight_int8.clone()
    assert torch.equal(model(IDS), mapped)
    # Only rows that are asked for are read: the others may be anything.
    table.scale = table.scale.clone()
    others = torch.ones(len(table.scale), dtype=torch.bool)
    others[IDS[0]] = False
    table.scale[others] = torch.nan
    assert torch.equal(model(IDS), mapped)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_engine_says_what_the_original_says(quantised: dict[str, Path], recipe: str) -> None:
    clip = json.loads((MEMORISED / "clips.jsonl").read_text("utf-8").splitlines()[0])
    pcm = read_waveform((MEMORISED / clip["audio"]).resolve())
    said = []
    for folder in (MEMORISED, quantised[recipe]):
        engine = Gemma3nEngine(folder, "memorised", dtype=torch.float32)
        stream = engine.open_stream(StreamOptions(language=clip["language"]))
        stream.accept_waveform(pcm)
        stream.input_finished()
        stream.decode()
        said.append(stream._draft)
    assert len(said[0]) > 20
    assert said[1] == said[0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_quantised_model_made_plain_has_the_rounded_weights(
    quantised: dict[str, Path], recipe: str, tmp_path: Path
) -> None:
    model, rounded = load(quantised[recipe]).float(), load(quantised[recipe]).float()
    dequantise(model)
    difference = float((model(IDS) - rounded(IDS)).norm() / rounded(IDS).norm())
    # What differs are activations, which the kernels round where there are many.
    assert 0 < difference < 0.06
    save(model, tmp_path)
    assert torch.equal(load(tmp_path)(IDS), model(IDS))
    assert not read_formats(tmp_path)


def test_a_small_quantised_model_is_run_in_floating_point(quantised: dict[str, Path]) -> None:
    for dtype, kind in ((None, nn.Linear), (torch.float32, Int8Linear)):
        engine = Gemma3nEngine(quantised["int8"], "memorised", dtype=dtype)
        assert type(engine.submodels.largest.language_model.layers[0].self_attn.q_proj) is kind


def test_the_per_layer_table_is_read_ahead_for_prompts(
    quantised: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_LARGE_BYTES", 1)
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(pages, "_advise", lambda address, nbytes, advice: asked.append((address, nbytes)))
    for folder in (MEMORISED, quantised["int8"]):
        asked.clear()
        model = load(folder)
        table = table_of(model.language_model.embed_tokens_per_layer)
        assert asked == [(table.data_ptr(), table.nbytes)]
        model(IDS)
        assert len(asked) == 1 + IDS.shape[1]


def test_quantising_needs_a_plain_checkpoint_and_a_new_folder(quantised: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="quantised already"):
        quantise_checkpoint(quantised["int8"], RECIPES["int4"], tmp_path / "new")
    with pytest.raises(UsageError, match="there already"):
        quantise_checkpoint(MEMORISED, RECIPES["int4"], tmp_path)
    with pytest.raises(ModelError, match="cannot be saved"):
        save(load(quantised["int8"]), tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["shape", "number"])
def test_a_broken_weight_is_named_and_nothing_stays_behind(tmp_path: Path, what: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_bytes((MEMORISED / "config.json").read_bytes())
    weights = load_file(MEMORISED / "model.safetensors")
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    if what == "shape":
        weights[name] = weights[name][1:].contiguous()
    else:
        weights[name][3, 3] = torch.nan
    save_file(weights, source / "model.safetensors")
    with pytest.raises(ModelError, match="up_proj"):
        quantise_checkpoint(source, RECIPES["int4"], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "version 3"),
        ({"modules": ["a"]}, "not a table"),
        ({"modules": {"language_model.nothing": "int8"}}, "there is no"),
        ({"modules": {"language_model.norm": "int8"}}, "cannot be int8"),
        ({"modules": {"language_model.embed_tokens": "int4-48"}}, "cannot be int4-48"),
        ({"modules": {"language_model.embed_tokens": "int3"}}, "cannot be int3"),
        ({"modules": {}}, "do not fit"),
    ],
)
def test_a_wrong_record_is_refused(
    quantised: dict[str, Path], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load(copy_of(quantised["int8"], tmp_path / "copy", **changes))


def test_the_first_version_is_read(quantised: dict[str, Path], tmp_path: Path) -> None:
    found, expected = load(copy_of(quantised["int8"], tmp_path / "copy", version=1)), load(quantised["int8"])
    assert torch.equal(found(IDS), expected(IDS))


def test_whole_numbers_of_another_type_are_refused(quantised: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(quantised["int8"], tmp_path / "copy")
    path = next(folder.glob("*.safetensors"))
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("weight_int8"))
    weights[name] = weights[name].short()
    save_file(weights, path)
    with pytest.raises(ModelError, match="1 of another type"):
        load(folder)


def test_the_command_line_quantises(tmp_path: Path) -> None:
    output = tmp_path / "new"
    arguments = ["quantize", str(MEMORISED), "--part", "audio=none", "--group", "32", "--output", str(output)]
    result = CliRunner().invoke(models, arguments)
    assert result.exit_code == 0, result.output
    assert str(output) in result.output
    assert not any(name.startswith("audio_tower") for name in formats(output))
    assert "language_model.layers.0.self_attn.q_proj" in formats(output)


def test_a_wrong_part_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        RECIPES["int4"].with_choices({"atention": "int8"})
    assert "attention" in str(error.value.hint)
    with pytest.raises(UsageError, match="cannot be 'int3'"):
        RECIPES["int4"].with_choices({"audio": "int3"})
