"""A block of the audio encoder's conformer, and its parts: feed-forward, local attention, convolution.

Modules carry the names of the checkpoint's `audio_tower.conformer`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.conv import CausalDepthwiseConv, ConvState
from speech3n.layers.local_attention import LocalAttention, LocalAttentionState
from speech3n.layers.norm import RMSNorm
from speech3n.layers.streaming import StreamingModule, silence_padding
from speech3n.models.gemma3n.config import AudioConfig


class FeedForward(nn.Module):
    """Half a step of feed-forward, added to its input [B, T, C]."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.clip = config.gradient_clipping
        self.residual_weight = config.conf_residual_weight
        self.pre_layer_norm = RMSNorm(width)
        self.ffw_layer_1 = nn.Linear(width, 4 * width, bias=False)
        self.ffw_layer_2 = nn.Linear(4 * width, width, bias=False)
        self.post_layer_norm = RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Whole sequences or single frames alike: it has no past."""
        y = self.pre_layer_norm(_clipped(x, self.clip))
        y = _clipped(self.ffw_layer_2(F.silu(self.ffw_layer_1(y))), self.clip)
        added: Tensor = x + self.post_layer_norm(y) * self.residual_weight
        return added


class Attention(nn.Module):
    """Local attention between norms, added to its input."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.clip = config.gradient_clipping
        self.pre_attn_norm = RMSNorm(width)
        self.attn = LocalAttention(width, config.conf_num_attention_heads, config.past, config.conf_attention_logit_cap)
        self.post = nn.Linear(width, width, bias=False)
        self.post_norm = RMSNorm(width)

    def before(self, x: Tensor) -> Tensor:
        """What the attention reads."""
        normed: Tensor = self.pre_attn_norm(_clipped(x, self.clip))
        return normed

    def after(self, x: Tensor, attended: Tensor) -> Tensor:
        """`x` with what the attention read."""
        added: Tensor = x + self.post_norm(_clipped(self.post(attended), self.clip))
        return added


class LightConv(nn.Module):
    """Gated depthwise convolution, added to its input."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.rms_norm_eps
        self.clip = config.gradient_clipping
        self.pre_layer_norm = RMSNorm(width, eps)
        self.linear_start = nn.Linear(width, 2 * width, bias=False)
        self.depthwise_conv1d = CausalDepthwiseConv(width, config.conf_conv_kernel_size)
        self.conv_norm = RMSNorm(width, eps)
        self.linear_end = nn.Linear(width, width, bias=False)

    def before(self, x: Tensor) -> Tensor:
        """What the convolution reads."""
        return F.glu(self.linear_start(self.pre_layer_norm(x)), -1)

    def after(self, x: Tensor, convolved: Tensor) -> Tensor:
        """`x` with what the convolution read."""
        y = F.silu(self.conv_norm(_clipped(convolved, self.clip)))
        added: Tensor = x + self.linear_end(y)
        return added


@dataclass(slots=True)
class ConformerState:
    """Keys and values of 12 frames, and 4 frames of the convolution."""

    attention: LocalAttentionState
    conv: ConvState


class ConformerBlock(StreamingModule[ConformerState]):
    """Feed-forward, local attention, convolution, feed-forward (Gulati et al. 2020) on frames [B, T, C]."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.clip = config.gradient_clipping
        self.ffw_layer_start = FeedForward(config)
        self.attention = Attention(config)
        self.lconv1d = LightConv(config)
        self.ffw_layer_end = FeedForward(config)
        self.norm = RMSNorm(config.hidden_size)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Whole sequences [B, T, C]."""
        return self._process(silence_padding(x, mask), self.init_state(x.shape[0]), mask), mask

    def init_state(self, batch_size: int = 1) -> ConformerState:
        """No audio so far."""
        attention = self.attention.attn.init_state(batch_size)
        return ConformerState(attention, self.lconv1d.depthwise_conv1d.init_state(batch_size))

    def step(self, x: Tensor, state: ConformerState) -> Tensor:
        """The next frames [B, T, C]."""
        return self._process(x, state, None)

    def _process(self, x: Tensor, state: ConformerState, mask: Tensor | None) -> Tensor:
        x = self.ffw_layer_start(x)
        normed = self.attention.before(x)
        attended = self.attention.attn.step(normed, state.attention, mask)
        x = silence_padding(self.attention.after(x, attended), mask)
        convolved = self.lconv1d.depthwise_conv1d.step(self.lconv1d.before(x), state.conv)
        x = self.ffw_layer_end(self.lconv1d.after(x, convolved))
        output: Tensor = self.norm(_clipped(x, self.clip))
        return output


def _clipped(x: Tensor, limit: float) -> Tensor:
    largest = torch.finfo(x.dtype).max
    return x.clamp(-min(limit, largest), min(limit, largest))
