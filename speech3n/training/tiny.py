"""The smallest Gemma 3n with everything that the large ones have: its shape, its first weights, its vocabulary."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from speech3n.audio.frontend import FrontendConfig
from speech3n.layers.norm import RMSNorm
from speech3n.models.gemma3n.config import FULL, SLIDING, AudioConfig, Gemma3nConfig, TextConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training import vocabulary
from speech3n.types import SAMPLE_RATE

WEIGHTS = "model.safetensors"
_TEXT_VOCABULARY = 896
_LAYERS = (SLIDING, SLIDING, SLIDING, FULL, SLIDING, FULL)
_SHARED_LAYERS = 2


def train_tokenizer(texts: Iterable[str]) -> Any:
    """A byte-level BPE vocabulary of a few hundred entries that can write any text."""
    return vocabulary.train_tokenizer(texts, _TEXT_VOCABULARY, _text_config(0, 0).max_position_embeddings)


def tiny_config(tokenizer: Any) -> Gemma3nConfig:
    """The shape: less than a million parameters, with a sliding window that short clips already exceed."""
    vision, audio = (tokenizer.convert_tokens_to_ids(names[0]) for names in (vocabulary.VISION, vocabulary.AUDIO))
    return Gemma3nConfig(
        audio=AudioConfig(
            vocab_size=len(vocabulary.AUDIO),
            vocab_offset=audio,
            hidden_size=64,
            conf_num_attention_heads=4,
            conf_num_hidden_layers=3,
            sscp_conv_channel_size=(16, 8),
        ),
        text=_text_config(audio + len(vocabulary.AUDIO), vision),
        boa_token_id=tokenizer.convert_tokens_to_ids("<start_of_audio>"),
        eoa_token_id=audio,
        audio_token_id=audio + 1,
        eos_token_ids=(1, tokenizer.convert_tokens_to_ids("<end_of_turn>")),
        vision_vocab_offset=vision,
    )


def _text_config(vocabulary: int, per_layer_vocabulary: int) -> TextConfig:
    return TextConfig(
        vocab_size=vocabulary,
        vocab_size_per_layer_input=per_layer_vocabulary,
        hidden_size=80,
        intermediate_size=(192,) * len(_LAYERS),
        num_hidden_layers=len(_LAYERS),
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        max_position_embeddings=2048,
        sliding_window=64,
        layer_types=_LAYERS,
        hidden_size_per_layer_input=16,
        num_kv_shared_layers=_SHARED_LAYERS,
        laurel_rank=16,
        activation_sparsity_pattern=(0.8, 0.8, 0.0, 0.0, 0.0, 0.0),
    )


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
