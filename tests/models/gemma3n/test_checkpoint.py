"""Checkpoints of transformers load here, ours load there, and what does not fit is named."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nForConditionalGeneration

from speech3n.errors import ModelError
from speech3n.models.gemma3n.checkpoint import load, save
from speech3n.models.gemma3n.model import Gemma3n
from tests.models.gemma3n.pairs import SOFT_TOKENS, TOLERANCE, build_pair, difference, no_vision, small_config

CONFIG = small_config()
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_SIZE = 200_000
NORM = "model.language_model.norm.weight"
IDS = torch.tensor([[2, 11, CONFIG.boa_token_id, *[CONFIG.audio_token_id] * SOFT_TOKENS, CONFIG.eoa_token_id, 31, 32]])
NOISE = torch.randn(1, 80, 128, generator=torch.Generator().manual_seed(4))
"""Log-mel frames of five soft tokens."""


@pytest.fixture(scope="module")
def reference() -> Any:
    return build_pair(CONFIG, seed=3)[1]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def publish(reference: Any, folder: Path, dtype: torch.dtype = torch.float32, *, is_sharded: bool = False) -> Path:
    """A checkpoint as the official ones are: with a vision tower, and with keys of layers that never use them."""
    weights = {name: tensor.to(dtype) for name, tensor in reference.state_dict().items() if "lm_head" not in name}
    text = CONFIG.text
    for layer in range(text.first_shared_layer, text.num_hidden_layers):
        name = f"model.language_model.layers.{layer}.self_attn"
        for part in ("k_proj", "v_proj"):
            weights[f"{name}.{part}.weight"] = torch.ones(
                text.num_key_value_heads * text.head_dim, text.hidden_size, dtype=dtype
            )
        weights[f"{name}.k_norm.weight"] = torch.ones(text.head_dim, dtype=dtype)
    weights["model.vision_tower.timm_model.conv_stem.conv.weight"] = torch.ones(3, 5, dtype=dtype)
    assert any("embed_vision" in name for name in weights)
    options = {"max_shard_size": SHARD_SIZE} if is_sharded else {}
    with no_vision():
        reference.save_pretrained(folder, state_dict=weights, **options)
    return folder


def logits(model: Gemma3n) -> Tensor:
    """Of noise and text."""
    dtype = model.language_model.embed_tokens.weight.dtype
    return model(IDS, model.encode(NOISE.to(dtype), pad_to=SOFT_TOKENS))


def expected_logits(reference: Any) -> Tensor:
    mel = NOISE.to(reference.dtype)
    mask = torch.ones(mel.shape[:2], dtype=torch.bool)
    logits: Tensor = reference(input_ids=IDS, input_features=mel, input_features_mask=mask).logits
    return logits


def from_pretrained(folder: Path, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    """The model in transformers, and what it says of the weights."""
    with no_vision():
        model, report = Gemma3nForConditionalGeneration.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    return model.eval(), report


@pytest.mark.parametrize("is_sharded", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_checkpoint_of_transformers_gives_its_logits(
    reference: Any, tmp_path: Path, dtype: torch.dtype, is_sharded: bool
) -> None:
    folder = publish(reference, tmp_path, dtype, is_sharded=is_sharded)
    assert (folder / INDEX).exists() == is_sharded
    assert {parameter.dtype for parameter in load(folder).parameters()} == {dtype}
    model = load(folder, torch.float32)
    assert model.config == CONFIG
    assert not model.training
    expected = expected_logits(from_pretrained(folder, torch.float32)[0])
    assert difference(logits(model), expected) < TOLERANCE


def test_bfloat16_is_computed_as_transformers_does_within_its_precision(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path, torch.bfloat16)
    expected = expected_logits(from_pretrained(folder, torch.bfloat16)[0]).float()
    assert difference(logits(load(folder)).float(), expected) < 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_saved_loads_in_transformers_and_here(reference: Any, tmp_path: Path, dtype: torch.dtype) -> None:
    model = load(publish(reference, tmp_path / "published", dtype))
    save(model, tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["dtype"] == str(dtype).split(".")[1]
    again = load(tmp_path / "saved")
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    theirs, report = from_pretrained(tmp_path / "saved", torch.float32)
    assert not any("vision" not in str(name) for kind in report.values() for name in kind)
    assert difference(logits(load(tmp_path / "saved", torch.float32)), expected_logits(theirs)) < TOLERANCE


def test_what_is_saved_twice_has_the_same_bytes(reference: Any, tmp_path: Path) -> None:
    model = load(publish(reference, tmp_path / "published"))
    for name in ("one", "two"):
        save(model, tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    save(load(tmp_path / "one"), tmp_path / "three")
    assert contents(tmp_path / "three") == contents(tmp_path / "two")


@pytest.mark.parametrize("is_sharded", [False, True])
def test_a_model_may_be_saved_over_the_files_it_is_mapped_from(
    reference: Any, tmp_path: Path, is_sharded: bool
) -> None:
    folder = publish(reference, tmp_path / "model", is_sharded=is_sharded)
    expected = load(folder, torch.float64).state_dict()
    model = load(folder)
    model.language_model.norm = type(model.language_model.norm)(CONFIG.text.hidden_size, 1e-6)
    save(model, folder)
    assert {path.name for path in folder.iterdir()} == {SINGLE, "config.json", "generation_config.json"}
    saved = load(folder).state_dict()
    assert torch.equal(saved.pop("language_model.norm.weight"), torch.ones(CONFIG.text.hidden_size))
    assert all(torch.equal(tensor.double(), expected[name]) for name, tensor in saved.items())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


on_linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")


@on_linux
@pytest.mark.parametrize("is_sharded", [False, True])
def test_weights_are_the_mapped_file_itself(reference: Any, tmp_path: Path, is_sharded: bool) -> None:
    folder = publish(reference, tmp_path, torch.bfloat16, is_sharded=is_sharded)
    model = load(folder)
    spans = mapped(folder)
    assert spans
    for name, parameter in model.state_dict().items():
        start, end = parameter.data_ptr(), parameter.data_ptr() + parameter.nbytes
        assert any(first <= start and end <= last for first, last in spans), name


@on_linux
def test_a_converted_checkpoint_lets_go_of_its_file_weight_by_weight(
    reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(reference, tmp_path, torch.bfloat16, is_sharded=True)
    expected = load(folder).state_dict()
    files = [len(mapped(folder))]
    del expected
    files.append(len(mapped(folder)))
    left: list[int] = []
    convert = Tensor.to

    def watched(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
        left.append(len(mapped(folder)))
        return convert(tensor, *arguments, **options)

    monkeypatch.setattr(Tensor, "to", watched)
    model = load(folder, torch.float32)
    monkeypatch.undo()
    assert files == [max(left), 0]
    assert len(set(left)) > 3, "files are let go of while others are converted"
    assert mapped(folder) == []
    original = load(folder).state_dict()
    assert all(torch.equal(tensor, original[name].float()) for name, tensor in model.state_dict().items())


def mapped(folder: Path) -> list[tuple[int, int]]:
    """Where in memory the files of a folder are mapped."""
    rows = [row.split() for row in Path("/proc/self/maps").read_text().splitlines() if f" {folder}/" in row]
    spans = [row[0].split("-") for row in rows]
    return [(int(first, 16), int(last, 16)) for first, last in spans]


def test_the_device_is_where_the_weights_go(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path)
    assert load(folder, device=torch.device("cpu")).device.type == "cpu"
    placeholders = load(folder, torch.float16, "meta")
    kinds = {(parameter.device.type, parameter.dtype) for parameter in placeholders.parameters()}
    assert kinds == {("meta", torch.float16)}


def test_all_that_does_not_fit_is_named_in_one_error(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path)
    weights = load_file(folder / SINGLE)
    del weights["model.audio_tower.conformer.1.norm.weight"]
    weights["model.language_model.layers.10.self_attn.q_norm.weight"] = torch.ones(16)
    weights["adapter.weight"] = torch.ones(2)
    weights[NORM] = torch.ones(63)
    matrix = "model.language_model.layers.0.mlp.up_proj.weight"
    weights[matrix] = weights[matrix].to(torch.int8)
    save_file(weights, folder / SINGLE)
    with pytest.raises(ModelError) as error:
        load(folder)
    assert "1 missing (audio_tower.conformer.1.norm.weight)" in str(error.value)
    assert "2 unknown (adapter.weight, language_model.layers.10.self_attn.q_norm.weight)" in str(error.value)
    assert "1 of another shape (language_model.norm.weight [63] instead of [64])" in str(error.value)
    assert "1 of another type (language_model.layers.0.mlp.up_proj.weight)" in str(error.value)
    assert str(folder) in str(error.value)
    assert "config.json that belongs to it" in str(error.value)
    assert "\n" not in str(error.value)


def test_many_weights_are_named_in_part(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path)
    weights = load_file(folder / SINGLE)
    save_file({name: tensor for name, tensor in weights.items() if "conformer" not in name}, folder / SINGLE)
    with pytest.raises(ModelError, match=r"\d+ missing \(audio_tower\.conformer\.0\..* and \d+ more\)"):
        load(folder)


@pytest.mark.parametrize("name", ["model.vision_tower.new.weight", "lm_head.weight", "model.embed_vision.x"])
def test_weights_without_use_for_speech_may_be_there(reference: Any, tmp_path: Path, name: str) -> None:
    folder = publish(reference, tmp_path)
    weights = load_file(folder / SINGLE)
    save_file(weights | {name: torch.ones(2, dtype=torch.int8)}, folder / SINGLE)
    load(folder)


def point_to(name: object) -> Callable[[Path], None]:
    """Have the index name another file for one weight."""

    def change(folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text())
        index["weight_map"][NORM] = name
        (folder / INDEX).write_text(json.dumps(index))

    return change


def shard(folder: Path, number: int = 2) -> Path:
    return sorted(folder.glob("model-*.safetensors"))[number]


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "shard missing": (lambda folder: shard(folder).unlink(), r"has no model-00003-of-\d+\.safetensors.* Fetch"),
    "shard truncated": (
        lambda folder: shard(folder).write_bytes(shard(folder).read_bytes()[:-100]),
        r"model-00003-of-\d+\.safetensors' is damaged or not a safetensors file.* Fetch",
    ),
    "shard empty": (lambda folder: shard(folder).write_bytes(b""), r"model-00003.*is damaged"),
    "shard of text": (lambda folder: shard(folder).write_text("<html>not found</html>" * 9), r"model-00003.*damaged"),
    "index of text": (lambda folder: (folder / INDEX).write_text("<html>"), "not a valid index of weights.* Fetch"),
    "index cut": (lambda folder: (folder / INDEX).write_text('{"weight_map": {"a'), "not a valid index"),
    "index not UTF-8": (lambda folder: (folder / INDEX).write_bytes(b"\xff\xfe{}"), "not a valid index"),
    "index a list": (lambda folder: (folder / INDEX).write_text("[]"), "not a valid index"),
    "index without weights": (lambda folder: (folder / INDEX).write_text("{}"), "not a valid index"),
    "index of numbers": (point_to(7), "names '7', which is not a safetensors file beside it"),
    "index of lists": (point_to([SINGLE]), "not a valid index"),
    "index nested": (lambda folder: (folder / INDEX).write_text("[" * 100_000), "not a valid index"),
    "index to the parent": (point_to("../evil.safetensors"), "names '../evil.safetensors', which is not a"),
    "index to the root": (point_to("/evil.safetensors"), "names '/evil.safetensors', which is not a"),
    "index to a folder": (point_to("sub/evil.safetensors"), "names 'sub/evil.safetensors', which is not a"),
    "index to a pickle": (point_to("pytorch_model.bin"), "names 'pytorch_model.bin', which is not a safetensors"),
    "index to no name": (point_to("a\0b.safetensors"), r"names 'a.x00b.safetensors', which is not a"),
    "index of nothing": (lambda folder: (folder / INDEX).write_text('{"weight_map": {}}'), r"\d+ missing"),
}


class Trap:
    """A pickle that leaves a trace where it is opened."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._trace,)


def test_ids_that_nothing_embeds_are_refused(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["audio_config"]["vocab_offset"] = 2
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json.*ids of audio_config end before"):
        load(folder)


@pytest.mark.parametrize("damage", DAMAGES.keys())
def test_what_is_broken_is_named_and_nothing_outside_is_opened(
    reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    folder = publish(reference, tmp_path / "model", is_sharded=True)
    (folder / "sub").mkdir()
    for place in (tmp_path, folder / "sub"):
        save_file({NORM: torch.ones(64)}, place / "evil.safetensors")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    opened: list[Path] = []
    monkeypatch.setattr("safetensors.safe_open", lambda path, kind: (opened.append(path), safe_open(path, kind))[1])
    change, message = DAMAGES[damage]
    change(folder)
    with pytest.raises(ModelError, match=message) as error:
        load(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)
    assert {path.parent for path in opened} <= {folder}
    assert not (tmp_path / "trace").exists()


def test_pickled_weights_are_not_opened_and_safetensors_asked_for(reference: Any, tmp_path: Path) -> None:
    folder = publish(reference, tmp_path / "model")
    (folder / SINGLE).unlink()
    with pytest.raises(ModelError, match=r"has no model.safetensors\. Fetch"):
        load(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    with pytest.raises(ModelError, match=r"has no model.safetensors, only pytorch_model.bin.*safetensors"):
        load(folder)
    assert not (tmp_path / "trace").exists()
