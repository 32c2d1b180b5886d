"""A checkpoint that was never trained: first weights, and the files that belong beside config and weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import nn

from speech3n.audio.frontend import FrontendConfig
from speech3n.layers.norm import RMSNorm
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.types import SAMPLE_RATE

WEIGHTS = "model.safetensors"


def first_weights(config: Gemma3nConfig) -> Gemma3n:
    """A model to train, its weights drawn from torch's generator; embeddings come out at unit size."""
    model = Gemma3n(config)
    decoder = model.language_model
    nn.init.normal_(decoder.embed_tokens.weight, std=config.text.hidden_size**-0.5)
    nn.init.normal_(decoder.embed_tokens_per_layer.weight, std=config.text.hidden_size_per_layer_input**-0.5)
    for name, module in decoder.named_modules():
        if name.endswith("q_norm") and isinstance(module, RMSNorm) and module.weight is not None:
            # Attention is not scaled, so that unit queries and keys would already choose almost one position alone.
            nn.init.constant_(module.weight, 2 * config.text.head_dim**-0.5)
        elif name.endswith("altup"):
            # At zero, the per-layer embeddings would be cut off from what they gate.
            nn.init.ones_(module.get_parameter("correct_output_scale"))
    return model


def save_companions(folder: Path, tokenizer: Any, config: Gemma3nConfig) -> None:
    """Write what belongs to a checkpoint besides config and weights: tokenizer, audio features, generation."""
    tokenizer.save_pretrained(folder)
    frontend = {
        "feature_extractor_type": "Gemma3nAudioFeatureExtractor",
        "sampling_rate": SAMPLE_RATE,
        "padding_value": 0.0,
        **dataclasses.asdict(FrontendConfig()),
    }
    generation = {
        "bos_token_id": config.text.bos_token_id,
        "eos_token_id": list(config.eos_token_ids),
        "pad_token_id": config.text.pad_token_id,
        "do_sample": False,
    }
    for name, contents in (("preprocessor_config.json", frontend), ("generation_config.json", generation)):
        (folder / name).write_text(json.dumps(contents, indent=2) + "\n", "utf-8")


def count_parameters(model: nn.Module) -> int:
    """How many numbers the weights are."""
    return sum(parameter.numel() for parameter in model.parameters())
