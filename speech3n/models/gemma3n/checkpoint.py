"""Checkpoint folders as Hugging Face publishes them: `config.json` and safetensors, mapped into memory as they lie.

Only safetensors are read. The tensors of a checkpoint in the wanted type are the mapped file itself: nothing is
copied, pages are read when they are first used, and the per-layer embeddings cost no more than the rows asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import torch
from torch import Tensor

from speech3n.audio.frontend import FrontendConfig, LogMel
from speech3n.errors import ModelError
from speech3n.layers.embedding import table_of
from speech3n.layers.pages import advise_single_rows
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.quantisation import read_formats, require_unquantised, set_compute_type, swap_in
from speech3n.runtime.untrusted import Unreadable, convert, read_json

_PREFIX = "model."
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_SHARDS = "model-*-of-*.safetensors"
_NOT_FOR_SPEECH = re.compile(r"model\.(vision_tower|embed_vision)\.|lm_head\.weight$")
_SHARED_KEYS = re.compile(r"model\.language_model\.layers\.(\d+)\.self_attn\.(k_proj|v_proj|k_norm|v_norm)\.")
_LARGEST_INDEX = 100_000_000
_NAMED = 6
"""How many weights an error lists by name."""


class _Index(msgspec.Struct):
    """Which file has which weight."""

    weight_map: dict[str, str | int]


def load(folder: Path, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> Gemma3n:
    """The model of a checkpoint folder, in `dtype` or in that of the file; raises ModelError."""
    config = Gemma3nConfig.read(folder)
    if config.audio.vocab_offset + config.audio.vocab_size < config.text.vocab_size:
        raise ModelError(
            f"'{folder / 'config.json'}': the ids of audio_config end before those of text_config.",
            "Take the config.json that belongs to the checkpoint.",
        )
    formats = read_formats(folder)
    with shapes_only():
        model = Gemma3n(config)
        swap_in(folder, model, formats)
    weights = _read_weights(folder, config)
    _check(folder, model, weights)
    for name, tensor in weights.items():
        # One after the other, so that a conversion never holds the whole checkpoint twice.
        # The scales of quantised weights stay as they are.
        as_is = dtype is None or name.rpartition(".")[0] in formats
        weights[name] = tensor.to(device=device, dtype=tensor.dtype if as_is else dtype)
    model.load_state_dict(weights, assign=True)
    model.requires_grad_(False)
    set_compute_type(model)
    if model.device.type == "cpu":
        advise_single_rows(table_of(model.language_model.embed_tokens_per_layer))
    model.audio_tower.subsample_conv_projection.silence = LogMel(FrontendConfig.read(folder)).silence.to(device)
    return model.eval()


def save(model: Gemma3n, folder: Path) -> None:
    """Write `config.json` and safetensors that `load` and transformers read, in place of those in the folder."""
    from huggingface_hub import save_torch_state_dict

    require_unquantised(model)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {_PREFIX + name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    stale = {path.name for pattern in (_SINGLE, _INDEX, _SHARDS) for path in folder.glob(pattern)}
    with TemporaryDirectory(prefix=".saving-", dir=folder) as fresh:
        save_torch_state_dict(weights, fresh, safe_serialization=True)
        # The model may be mapped from the very files that these replace: they are renamed, never written over.
        for path in Path(fresh).iterdir():
            path.replace(folder / path.name)
            stale.discard(path.name)
    for name in stale:
        (folder / name).unlink()
    config = model.config.to_dict() | {"dtype": str(model.language_model.embed_tokens.weight.dtype).split(".")[1]}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def _read_weights(folder: Path, config: Gemma3nConfig) -> dict[str, Tensor]:
    """The tensors that speech needs, by their names in our model."""
    from safetensors import SafetensorError, safe_open

    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, "pt") as file:
                for key in file.keys():  # noqa: SIM118 - not a mapping
                    if not is_left_out(key, config):
                        weights[key.removeprefix(_PREFIX)] = file.get_tensor(key)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"'{path}' is damaged or not a safetensors file: {error}.", "Fetch the checkpoint again."
            ) from error
    return weights


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint folder, all of them there; raises ModelError."""
    paths = _named_files(folder)
    for path in paths:
        _require_file(path)
    return paths


def _named_files(folder: Path) -> list[Path]:
    index = folder / _INDEX
    try:
        names = convert(read_json(index, _LARGEST_INDEX), _Index).weight_map.values()
    except FileNotFoundError:
        return [folder / _SINGLE]
    except Unreadable as error:
        raise ModelError(f"'{index}' is not a valid index of weights.", "Fetch the checkpoint again.") from error
    for name in names:
        if not _is_beside(name):
            raise ModelError(
                f"'{index}' names {str(name)!r:.80}, which is not a safetensors file beside it.",
                "Fetch the checkpoint again, from where you trust it.",
            )
    return [folder / name for name in sorted(map(str, set(names)))]


def _is_beside(name: object) -> bool:
    """Whether an entry of an index is the plain name of a safetensors file."""
    return isinstance(name, str) and name.isprintable() and Path(name).name == name and name.endswith(".safetensors")


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    pickles = sorted(other.name for other in path.parent.glob("*.bin"))
    if pickles and path.name == _SINGLE:
        raise ModelError(
            f"'{path.parent}' has no {path.name}, only {pickles[0]}, which could run any program when it is opened.",
            "Fetch or save the checkpoint as safetensors.",
        )
    raise ModelError(f"'{path.parent}' has no {path.name}.", "Fetch the checkpoint again.")


def is_left_out(key: str, config: Gemma3nConfig) -> bool:
    """Whether a weight of the checkpoint has no use here: vision, the tied output, keys of layers that share."""
    if _NOT_FOR_SPEECH.match(key):
        return True
    shared = _SHARED_KEYS.match(key)
    return shared is not None and int(shared[1]) >= config.text.first_shared_layer


def _check(folder: Path, model: Gemma3n, weights: dict[str, Tensor]) -> None:
    """Raise one ModelError that names every kind of weight that does not fit."""
    expected = model.state_dict()
    misshapen = [
        f"{name} {list(weights[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    faults = {
        "missing": [name for name in expected if name not in weights],
        "unknown": [name for name in weights if name not in expected],
        "of another shape": misshapen,
        "of another type": [name for name, tensor in weights.items() if not _has_type_of(tensor, expected.get(name))],
    }
    if any(faults.values()):
        listed = "; ".join(f"{len(names)} {fault} ({_some(names)})" for fault, names in faults.items() if names)
        raise ModelError(
            f"The weights in '{folder}' do not fit its config.json: {listed}.",
            "Fetch the checkpoint again, or take the config.json that belongs to it.",
        )


def _has_type_of(tensor: Tensor, expected: Tensor | None) -> bool:
    """Whether a weight holds numbers of the right kind: any floating point, or exactly the whole numbers expected."""
    if expected is None or expected.is_floating_point():
        return tensor.is_floating_point()
    return tensor.dtype == expected.dtype


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
