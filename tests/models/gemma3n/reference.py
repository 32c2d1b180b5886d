"""The audio half of Gemma 3n, ours and transformers', with the same random weights; and clips to feed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Gemma3nAudioConfig, Gemma3nTextConfig
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nAudioEncoder, Gemma3nMultimodalEmbedder

from speech3n.models.gemma3n.audio import AudioEmbedder, AudioEncoder
from speech3n.models.gemma3n.config import AudioConfig, Gemma3nConfig, TextConfig
from tests.models.gemma3n.pairs import difference, randomise

__all__ = ["SMALL", "UNUSUAL", "audio_reference", "difference", "embedder_reference", "encode_reference", "noise"]

SMALL: dict[str, Any] = {
    "hidden_size": 48,
    "conf_num_attention_heads": 4,
    "conf_num_hidden_layers": 3,
    "sscp_conv_channel_size": [8, 4],
}
"""The published shape with few channels."""

UNUSUAL: dict[str, Any] = {
    "hidden_size": 40,
    "input_feat_size": 50,
    "rms_norm_eps": 0.03,
    "gradient_clipping": 0.6,
    "conf_attention_context_left": 6,
    "conf_attention_chunk_size": 5,
    "conf_attention_logit_cap": 0.7,
    "conf_num_attention_heads": 2,
    "conf_num_hidden_layers": 2,
    "conf_conv_kernel_size": 3,
    "conf_reduction_factor": 3,
    "conf_residual_weight": 0.8,
    "sscp_conv_channel_size": [5, 7],
    "sscp_conv_group_norm_eps": 0.2,
    "sscp_conv_kernel_size": [[4, 4], [3, 3]],
    "sscp_conv_stride_size": [[3, 3], [2, 2]],
}
"""No setting as published, and every limit low enough to bite."""


def audio_config(settings: dict[str, Any]) -> AudioConfig:
    """Ours, read as from a file."""
    return Gemma3nConfig.from_dict({"audio_config": settings}).audio


def audio_reference(settings: dict[str, Any] | None = None, seed: int = 0) -> tuple[AudioEncoder, Any]:
    """Our encoder and `Gemma3nAudioEncoder`, loaded strictly, in evaluation mode."""
    settings = SMALL if settings is None else settings
    reference = Gemma3nAudioEncoder(Gemma3nAudioConfig(**settings)).eval()
    randomise(reference, seed)
    ours = AudioEncoder(audio_config(settings)).eval()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return ours, reference


def embedder_reference(seed: int = 0) -> tuple[AudioEmbedder, Any]:
    """Our embedder and `Gemma3nMultimodalEmbedder`."""
    audio = {**SMALL, "vocab_size": 7, "vocab_offset": 30, "rms_norm_eps": 0.01}
    text = {"hidden_size": 24, "num_hidden_layers": 2, "num_kv_shared_layers": 0, "num_attention_heads": 2}
    reference = Gemma3nMultimodalEmbedder(Gemma3nAudioConfig(**audio), Gemma3nTextConfig(**text)).eval()
    randomise(reference, seed)
    ours = AudioEmbedder(audio_config(audio), TextConfig(**text)).eval()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return ours, reference


def encode_reference(reference: Any, mel: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """What the reference makes of features, with `mask` True for signal as ours has it, in and out."""
    mask = mel.new_ones(mel.shape[:2], dtype=torch.bool) if mask is None else mask
    encoded = reference(mel, ~mask)
    return encoded.last_hidden_state, ~encoded.audio_mel_mask


def noise(batch: int, samples: int, seed: int = 0) -> Tensor:
    """Waveforms [batch, samples] whose loudness changes, so that moments differ."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(batch, 1, samples // 4_000 + 2, generator=generator)
    envelope = torch.nn.functional.interpolate(corners, size=max(samples, 1), mode="linear")[:, 0, :samples]
    return 0.3 * envelope * torch.randn(batch, samples, generator=generator)


def padded(clips: Sequence[Tensor], value: float = 0.0) -> tuple[Tensor, Tensor]:
    """Sequences [T, ...] as one batch and its mask, `value` after the shorter ones."""
    lengths = torch.tensor([len(clip) for clip in clips])
    longest = int(lengths.max())
    batch = clips[0].new_full((len(clips), longest, *clips[0].shape[1:]), value)
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    return batch, torch.arange(longest) < lengths[:, None]
