"""A small E4B on disk, and its submodels cut by hand, tensor by tensor, without the code under test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nForConditionalGeneration

from speech3n.models.gemma3n.config import Gemma3nConfig, TextConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from tests.models.gemma3n.pairs import build_pair, no_vision, randomise, small_config

CONFIG = small_config((10, 5))
"""Layers 5-9 share: sliding ones the keys of layer 3, full ones those of layer 4."""
SMALL = Size("small", 64, (5, 7))
MIXED = Size("mixed", (128, 40, 96, 64, 128, 8, 72, 128), (6, 8))
WIDE = Size("wide", None, (5,))
NARROW = Size("narrow", 56)
EARLY = Size("early", 100, (1, 9))
"""Leaves out a layer that has keys of its own, which no other layer shares."""
SIZES = [SMALL, MIXED, WIDE, NARROW, EARLY]
PARTS = ("audio_tower.", "embed_audio.", "language_model.")


def publish(reference: Any, folder: Path, **options: Any) -> Path:
    """A checkpoint as the official ones are."""
    weights = {name: tensor for name, tensor in reference.state_dict().items() if "lm_head" not in name}
    with no_vision():
        reference.save_pretrained(folder, state_dict=weights, **options)
    return folder


def from_pretrained(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model in transformers, and what it says of the weights."""
    with no_vision():
        model, report = Gemma3nForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    return model.eval(), report


def widths_of(size: Size, text: TextConfig) -> list[int]:
    kept = [layer for layer in range(text.num_hidden_layers) if layer not in size.skip]
    if isinstance(size.ffn, tuple):
        return list(size.ffn)
    return [size.ffn or text.intermediate_size[layer] for layer in kept]


def cut_by_hand(size: Size, config: Gemma3nConfig = CONFIG) -> Gemma3nConfig:
    """The config of a submodel, written down from what it means."""
    data = config.to_dict()
    text = data["text_config"]
    kept = [layer for layer in range(text["num_hidden_layers"]) if layer not in size.skip]
    first_shared = text["num_hidden_layers"] - text["num_kv_shared_layers"]
    text["intermediate_size"] = widths_of(size, config.text)
    text["layer_types"] = [text["layer_types"][layer] for layer in kept]
    text["activation_sparsity_pattern"] = [text["activation_sparsity_pattern"][layer] for layer in kept]
    text["num_hidden_layers"] = len(kept)
    text["num_kv_shared_layers"] = len([layer for layer in kept if layer >= first_shared])
    return Gemma3nConfig.from_dict(data)


def weights_by_hand(weights: Mapping[str, Tensor], size: Size, text: TextConfig = CONFIG.text) -> dict[str, Tensor]:
    """The weights of a submodel, from those of the whole model under our names."""
    kept = [layer for layer in range(text.num_hidden_layers) if layer not in size.skip]
    inner = text.hidden_size_per_layer_input
    numbers = [layer * inner + place for layer in kept for place in range(inner)]
    cut = {name: tensor for name, tensor in weights.items() if ".layers." not in name}
    table, projection = (
        "language_model.embed_tokens_per_layer.weight",
        "language_model.per_layer_model_projection.weight",
    )
    cut[table], cut[projection] = weights[table][:, numbers], weights[projection][numbers]
    for place, (layer, width) in enumerate(zip(kept, widths_of(size, text), strict=True)):
        before, after = f"language_model.layers.{layer}.", f"language_model.layers.{place}."
        for name, tensor in weights.items():
            if name.startswith(before):
                cut[name.replace(before, after)] = tensor
        for part in ("gate_proj", "up_proj"):
            cut[f"{after}mlp.{part}.weight"] = weights[f"{before}mlp.{part}.weight"][:width]
        cut[f"{after}mlp.down_proj.weight"] = weights[f"{before}mlp.down_proj.weight"][:, :width]
    return cut


def model_by_hand(whole: Gemma3n, size: Size) -> Gemma3n:
    """The submodel as a model of its own, with its own memory."""
    model = Gemma3n(cut_by_hand(size, whole.config)).eval()
    weights = weights_by_hand(whole.state_dict(), size, whole.config.text)
    model.load_state_dict({name: tensor.clone() for name, tensor in weights.items()})
    return model


def reference_by_hand(whole: Gemma3n, size: Size) -> Any:
    """The same in transformers."""
    _, reference = build_pair(cut_by_hand(size, whole.config))
    randomise(reference.model, 1234)
    weights = weights_by_hand(whole.state_dict(), size, whole.config.text)
    missing, unexpected = reference.model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all("vision" in name for name in missing), missing
    return reference
