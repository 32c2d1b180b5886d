"""Gemma 3n at its real sizes twice, ours and transformers', on the same random weights in the same memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.layers.linear import pack_linears
from speech3n.models.gemma3n.config import Gemma3nConfig, TextConfig
from speech3n.models.gemma3n.model import Gemma3n

_BLOCK = 1 << 24


@dataclass(frozen=True, slots=True)
class Shape:
    """A size to measure: its name, and how deep and wide the decoder is."""

    name: str
    layers: int
    shared_layers: int
    feed_forward: int
    per_layer_vocabulary: int
    """Rows of the per-layer embeddings: how many there are changes neither speed nor what is measured."""

    def config(self) -> Gemma3nConfig:
        """The configuration with everything else as published."""
        text = TextConfig(
            num_hidden_layers=self.layers,
            num_kv_shared_layers=self.shared_layers,
            intermediate_size=(self.feed_forward,) * self.layers,
            vocab_size_per_layer_input=self.per_layer_vocabulary,
        )
        return replace(Gemma3nConfig(), text=text)


SHAPES = {
    "e2b": Shape("E2B", 30, 10, 8192, 65_536),
    "e4b-depth": Shape("E4B's depth, E2B's width", 35, 15, 8192, 65_536),
}
E4B = Shape("E4B", 35, 15, 16_384, 262_144)
"""Too large in bfloat16 to be one of those that are measured twice."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Our model, and transformers' modules that hold the same tensors."""

    ours: Gemma3n
    text: Any
    audio: Any
    embedder: Any

    @torch.inference_mode()
    def reference_embed(self, mel: Tensor) -> Tensor:
        """Soft tokens [B, tokens, D] of clips [B, T, bins], by transformers."""
        mask = torch.zeros(mel.shape[:2], dtype=torch.bool)
        embedded: Tensor = self.embedder(inputs_embeds=self.audio(mel, mask).last_hidden_state)
        return embedded


def build_pair(shape: Shape, dtype: torch.dtype) -> Pair:
    """Both models with random weights: matrices as at the start of training, norms and scales near one."""
    from transformers.models.gemma3n import configuration_gemma3n as configurations
    from transformers.models.gemma3n import modeling_gemma3n as modeling

    config = shape.config()
    published: Any = configurations.Gemma3nConfig.from_dict(config.to_dict())
    with torch.device("meta"):
        ours = Gemma3n(config)
        text = modeling.Gemma3nForCausalLM(published.text_config)
        audio = modeling.Gemma3nAudioEncoder(published.audio_config)
        embedder = modeling.Gemma3nMultimodalEmbedder(published.audio_config, published.text_config)
    weights = _random_weights(ours, dtype)
    ours.load_state_dict(weights, assign=True)
    parts = (
        (text.model, "language_model."),
        (audio, "audio_tower."),
        (embedder, "embed_audio."),
    )
    for module, prefix in parts:
        state = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        module.load_state_dict(state, assign=True)
    text.lm_head.weight = text.model.embed_tokens.weight
    _compute_buffers(text.model)
    _compute_buffers(audio)
    silence = ours.audio_tower.subsample_conv_projection
    silence.silence = LogMel().silence
    for module in (ours, text, audio, embedder):
        module.requires_grad_(False).eval()
    # What the engine does with a large checkpoint; the reference keeps the tensors as they are.
    if dtype == torch.bfloat16:
        pack_linears(ours)
    return Pair(ours, text, audio, embedder)


def _random_weights(model: Gemma3n, dtype: torch.dtype) -> dict[str, Tensor]:
    torch.manual_seed(0)
    # Billions of normal deviates take minutes: one block of them serves again and again.
    block = torch.randn(_BLOCK).to(dtype)
    weights = {}
    for name, tensor in model.state_dict().items():
        flat = torch.empty(tensor.numel(), dtype=dtype)
        for start in range(0, len(flat), _BLOCK):
            part = flat[start : start + _BLOCK]
            part.copy_(block[: len(part)])
        flat = flat.view(tensor.shape)
        weights[name] = flat.mul_(weight_scale(name, tensor.shape)).add_(weight_mean(name, tensor.shape))
    return weights


def weight_scale(name: str, shape: Sequence[int]) -> float:
    """The deviation of random weights."""
    if len(shape) > 1:
        return 0.05 if "coefs" in name else math.prod(shape[1:]) ** -0.5
    return 0.1 * weight_mean(name, shape)


def weight_mean(name: str, shape: Sequence[int]) -> float:
    """Norms near one, but small where large ones would make thirty random layers chaotic."""
    if len(shape) > 1:
        return 0.0
    return 0.3 if "post" in name or "q_norm" in name else 1.0


def _compute_buffers(model: Any) -> None:
    """Give a transformers model that was made without memory its buffers, as its own loading does."""
    for parameter in model.parameters():
        parameter._is_hf_initialized = True
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty_like(buffer, device="cpu"))
    model.apply(model._init_weights)
