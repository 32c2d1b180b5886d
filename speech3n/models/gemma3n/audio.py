"""The audio encoder: log-mel frames to one soft token for every 160 ms, as a whole or as the sound comes in.

A causal conformer in the manner of the Universal Speech Model (Zhang et al. 2023). Soft token t depends on mel
frames 0 to 16 t + 6 and on none later, so a streamed token is final and never computed again. Modules carry the
names of the checkpoint's `audio_tower` and `embed_audio`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.conv import StridedConv, StridedConvState
from speech3n.layers.norm import CumulativeGroupNorm, CumulativeNormState, RMSNorm
from speech3n.layers.streaming import StreamingModule, silence_padding
from speech3n.models.gemma3n.config import AudioConfig, TextConfig
from speech3n.models.gemma3n.conformer import ConformerBlock, ConformerState

_SILENCE = math.log(1e-5)
"""A mel bin of digital silence; what the reference's batches are padded with."""


@dataclass(slots=True)
class ConvBlockState:
    """One of the two convolutions, and the norm after it."""

    conv: StridedConvState
    norm: CumulativeNormState


class ConvBlock(StreamingModule[ConvBlockState]):
    """Convolution, cumulative group norm, ReLU: [B, T, F, C] to [B, T / 2, F / 2, C']."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, eps: float) -> None:
        super().__init__()
        self.conv = StridedConv(in_channels, out_channels, kernel_size, stride)
        self.norm = CumulativeGroupNorm(out_channels, eps)
        self.stride, self.lookahead = self.conv.stride, self.conv.lookahead

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Whole sequences [B, T, F, C]."""
        y, mask = self.conv(x, mask)
        return F.relu(self.norm(y)[0]), mask

    def init_state(self, batch_size: int = 1, bins: int = 0) -> ConvBlockState:
        """No audio so far; `bins` frequency bins come in."""
        return ConvBlockState(self.conv.init_state(batch_size, bins), self.norm.init_state(batch_size))

    def step(self, x: Tensor, state: ConvBlockState) -> Tensor:
        """The next frames [B, T, F, C]."""
        return F.relu(self.norm.step(self.conv.step(x, state.conv), state.norm))

    def flush(self, state: ConvBlockState) -> Tensor:
        """The frames at the end."""
        return F.relu(self.norm.step(self.conv.flush(state.conv), state.norm))


@dataclass(slots=True)
class SubsampleState:
    """Both convolutions."""

    conv_0: ConvBlockState
    conv_1: ConvBlockState


class SubsampleConvProjection(StreamingModule[SubsampleState]):
    """Mel frames [B, T, bins] to conformer frames [B, T / 4, C]."""

    silence: Tensor

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        sizes, strides = config.sscp_conv_kernel_size, config.sscp_conv_stride_size
        channels, eps = config.sscp_conv_channel_size, config.sscp_conv_group_norm_eps
        self.conv_0 = ConvBlock(1, channels[0], sizes[0][0], strides[0][0], eps)
        self.conv_1 = ConvBlock(channels[0], channels[1], sizes[1][0], strides[1][0], eps)
        self.bins = config.input_feat_size
        self.bins_1 = self.conv_0.conv.out_bins(self.bins)
        bins_2 = self.conv_1.conv.out_bins(self.bins_1)
        self.input_proj_linear = nn.Linear(channels[1] * bins_2, config.hidden_size, bias=False)
        self.stride = self.conv_0.stride * self.conv_1.stride
        self.lookahead = self.conv_0.lookahead + self.conv_0.stride * self.conv_1.lookahead
        # What lies after a clip is silence, and the convolutions look ahead into it.
        self.register_buffer("silence", torch.full((self.bins,), _SILENCE), persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Whole sequences [B, T, bins]."""
        if mask is not None:
            x = torch.where(mask[..., None], x, self.silence.to(x.dtype))
            mask = mask[:, :: self.stride]
        y, _ = self.conv_0(self._shaped(x))
        return self._project(self.conv_1(y)[0]), mask

    def init_state(self, batch_size: int = 1) -> SubsampleState:
        """No audio so far."""
        return SubsampleState(
            self.conv_0.init_state(batch_size, self.bins), self.conv_1.init_state(batch_size, self.bins_1)
        )

    def step(self, x: Tensor, state: SubsampleState) -> Tensor:
        """The next mel frames [B, T, bins]."""
        return self._project(self.conv_1.step(self.conv_0.step(self._shaped(x), state.conv_0), state.conv_1))

    def flush(self, state: SubsampleState) -> Tensor:
        """The frames at the end."""
        last: Tensor = self.conv_1.step(self.conv_0.flush(state.conv_0), state.conv_1)
        return self._project(torch.cat([last, self.conv_1.flush(state.conv_1)], 1))

    def _shaped(self, x: Tensor) -> Tensor:
        return x[..., None].to(self.conv_0.conv.weight.dtype)

    def _project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.input_proj_linear(x.flatten(2))
        return projected


@dataclass(slots=True)
class EncoderState:
    """Convolution edges, one state for each conformer block, and how many frames the next token is away."""

    subsample: SubsampleState
    blocks: list[ConformerState]
    skip: int


class AudioEncoder(StreamingModule[EncoderState]):
    """Mel frames [B, T, bins] to soft tokens [B, T / 16, C]: every fourth conformer frame, the first one included.

    The sums of the two cumulative norms begin with the state: a new state is a new start for them, and where that is
    changes the output.
    """

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config = config
        self.subsample_conv_projection = SubsampleConvProjection(config)
        self.conformer = nn.ModuleList(ConformerBlock(config) for _ in range(config.conf_num_hidden_layers))
        self.stride = config.mel_frames_per_token
        self.lookahead = self.subsample_conv_projection.lookahead

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Whole clips [B, T, bins]; tokens in the padding are zero."""
        x, mask = self.subsample_conv_projection(x, mask)
        for block in self.conformer:
            x, mask = block(x, mask)
        x = x[:, :: self.config.conf_reduction_factor]
        if mask is not None:
            mask = mask[:, :: self.config.conf_reduction_factor]
        return silence_padding(x, mask), mask

    def init_state(self, batch_size: int = 1) -> EncoderState:
        """No audio so far."""
        blocks = [block.init_state(batch_size) for block in self._blocks]
        return EncoderState(self.subsample_conv_projection.init_state(batch_size), blocks, 0)

    def step(self, x: Tensor, state: EncoderState) -> Tensor:
        """The soft tokens that the next mel frames [B, any number, bins] complete."""
        return self._encode(self.subsample_conv_projection.step(x, state.subsample), state)

    def flush(self, state: EncoderState) -> Tensor:
        """The soft tokens at the end."""
        return self._encode(self.subsample_conv_projection.flush(state.subsample), state)

    @property
    def _blocks(self) -> list[ConformerBlock]:
        return [block for block in self.conformer if isinstance(block, ConformerBlock)]

    def _encode(self, x: Tensor, state: EncoderState) -> Tensor:
        if x.shape[1]:
            for block, block_state in zip(self._blocks, state.blocks, strict=True):
                x = block.step(x, block_state)
        tokens = x[:, state.skip :: self.config.conf_reduction_factor]
        state.skip = (state.skip - x.shape[1]) % self.config.conf_reduction_factor
        return tokens


class AudioEmbedder(nn.Module):
    """Soft tokens, and the few ids of the audio vocabulary, in the decoder's space: `embed_audio`."""

    def __init__(self, audio: AudioConfig, text: TextConfig) -> None:
        super().__init__()
        width, eps = audio.hidden_size, audio.rms_norm_eps
        self.offset = audio.vocab_offset
        self.embedding = nn.Embedding(audio.vocab_size, width)
        self.hard_embedding_norm = RMSNorm(width, eps)
        self.soft_embedding_norm = RMSNorm(width, eps)
        self.embedding_projection = nn.Linear(width, text.hidden_size, bias=False)
        self.embedding_post_projection_norm = RMSNorm(text.hidden_size, eps, has_scale=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Encoder output [B, T, C] to [B, T, D]."""
        return self._project(self.soft_embedding_norm(tokens))

    def embed_ids(self, ids: Tensor) -> Tensor:
        """Ids of the audio vocabulary [...] to [..., D]."""
        return self._project(self.hard_embedding_norm(self.embedding(ids - self.offset)))

    def _project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.embedding_post_projection_norm(self.embedding_projection(x))
        return projected
