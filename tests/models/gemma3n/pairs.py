"""Our Gemma 3n and transformers', small, with the same random weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from transformers import Gemma3nConfig as PublishedConfig
from transformers.models.gemma3n import modeling_gemma3n as modeling

from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n

E2B, E4B = (30, 10), (35, 15)
"""Layers, and how many of them share keys and values."""
VISION, AUDIO, VOCABULARY = 256, 264, 320
SOFT_TOKENS = 20
TOLERANCE = 1e-4


def small_config(depth: tuple[int, int] = (10, 5), **text: Any) -> Gemma3nConfig:
    """A config of a model with every part of the real one, and few numbers in each."""
    layers, shared = depth
    return Gemma3nConfig.from_dict(
        {
            "audio_config": {
                "vocab_size": VOCABULARY - AUDIO,
                "vocab_offset": AUDIO,
                "hidden_size": 32,
                "conf_num_attention_heads": 4,
                "conf_num_hidden_layers": 2,
                "sscp_conv_channel_size": [8, 4],
            },
            "text_config": {
                "vocab_size": VOCABULARY,
                "vocab_size_per_layer_input": VISION,
                "hidden_size": 64,
                "intermediate_size": [128] * layers,
                "num_hidden_layers": layers,
                "num_kv_shared_layers": shared,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 16,
                "hidden_size_per_layer_input": 8,
                "laurel_rank": 4,
                "sliding_window": 8,
                "activation_sparsity_pattern": [0.95] * (layers // 3) + [0.0] * (layers - layers // 3),
                **text,
            },
            "vision_config": {"vocab_offset": VISION},
            "audio_soft_tokens_per_image": SOFT_TOKENS,
            "boa_token_id": 250,
            "eoa_token_id": AUDIO,
            "audio_token_id": AUDIO + 1,
            "eos_token_id": [1, 106],
        }
    )


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Give every parameter a random value, those that start as ones and zeros included.

    Post-norms and query norms are small: with large ones the reference itself, computed in two ways, differs by
    more than the tolerance after thirty layers.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            scale = 0.05 if "coefs" in name else parameter[0].numel() ** -0.5
            parameter.data = noise * scale
        else:
            scale = 0.3 if "post" in name or "q_norm" in name else 1.0
            # Of either sign at the end, or a token's own embedding, tied to the output, makes it follow itself.
            mean = 0 if name.endswith("language_model.norm.weight") else 1
            parameter.data = (mean + 0.3 * noise.clamp(-2, 2)) * scale


def build_pair(config: Gemma3nConfig, seed: int = 0) -> tuple[Gemma3n, Any]:
    """Ours and `Gemma3nForConditionalGeneration`, in evaluation mode."""
    with no_vision():
        reference = modeling.Gemma3nForConditionalGeneration(published(config)).eval()
    randomise(reference.model, seed)
    reference.lm_head.weight = reference.model.language_model.embed_tokens.weight
    ours = Gemma3n(config).eval()
    parts = ("audio_tower.", "embed_audio.", "language_model.")
    weights = {name: value for name, value in reference.model.state_dict().items() if name.startswith(parts)}
    ours.load_state_dict(weights)
    return ours, reference


def published(config: Gemma3nConfig) -> PublishedConfig:
    """The same config as transformers has it, with the ids of images out of the way."""
    return PublishedConfig.from_dict(
        config.to_dict() | {"boi_token_id": 249, "eoi_token_id": VISION, "image_token_id": VISION + 1}
    )


@contextmanager
def no_vision() -> Iterator[None]:
    """Let transformers build the model without its vision tower, which needs a package that we have no use for."""
    from_config = modeling.AutoModel.from_config

    def without_vision(config: Any, **options: Any) -> nn.Module:
        return nn.Identity() if config.model_type == "gemma3n_vision" else from_config(config, **options)

    with mock.patch.object(modeling.AutoModel, "from_config", without_vision):
        yield


def difference(ours: Tensor, reference: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    assert ours.shape == reference.shape
    return float((ours - reference).abs().max() / reference.abs().max())
