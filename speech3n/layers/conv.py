"""Convolutions over time that keep the edge of their input so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.streaming import StreamingModule, silence_padding


@dataclass(slots=True)
class ConvState:
    """The newest input frames, those that the next outputs still need: [B, kernel - 1, C]."""

    tail: Tensor


class CausalDepthwiseConv(StreamingModule[ConvState]):
    """A depthwise convolution over a frame and the ones before it, [B, T, C] to [B, T, C].

    `weight` has the checkpoint's shape [C, 1, kernel].
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel_size))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Convolve whole sequences [B, T, C]."""
        return self.step(silence_padding(x, mask), self.init_state(x.shape[0])), mask

    def init_state(self, batch_size: int = 1) -> ConvState:
        """Silence before the start."""
        channels, _, kernel_size = self.weight.shape
        return ConvState(self.weight.new_zeros(batch_size, kernel_size - 1, channels))

    def step(self, x: Tensor, state: ConvState) -> Tensor:
        """Convolve the next frames [B, T, C]."""
        x = torch.cat([state.tail, x], 1)
        kernel_size = self.weight.shape[2]
        state.tail = x[:, x.shape[1] - kernel_size + 1 :].clone()
        frames = x.shape[1] - kernel_size + 1
        # A sum of shifted products: for a handful of taps quicker on a CPU than a grouped convolution.
        y = x[:, :frames] * self.weight[:, 0, 0]
        for tap in range(1, kernel_size):
            y = torch.addcmul(y, x[:, tap : tap + frames], self.weight[:, 0, tap])
        return y


@dataclass(slots=True)
class StridedConvState:
    """Input frames that outputs still wait for, [B, kernel - 1, F, C], of which the last `waiting` count."""

    tail: Tensor
    waiting: int


class StridedConv(StreamingModule[StridedConvState]):
    """A 2-D convolution over time and frequency that looks ahead, [B, T, F, C] to [B, T / stride, F', C'].

    Output frame t reads input frames `stride * t` to `stride * t + kernel - 1`: "reverse causal" in the Universal
    Speech Model, which pads kernel - 1 frames of zeros after the end, and one bin on each side in frequency.
    `weight` has the checkpoint's shape [C', C, kernel, kernel].
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.stride = stride
        self.lookahead = kernel_size - 1

    def out_bins(self, bins: int) -> int:
        """Frequency bins of the output for `bins` of the input."""
        return (bins + 2 - self.weight.shape[3]) // self.stride + 1

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Convolve whole sequences [B, T, F, C]."""
        x = silence_padding(x, mask)
        y = self._convolve(F.pad(x, (0, 0, 0, 0, 0, self.lookahead))) if x.shape[1] else self._none(x)
        return y, None if mask is None else mask[:, :: self.stride]

    def init_state(self, batch_size: int = 1, bins: int = 0) -> StridedConvState:
        """Nothing waits; `bins` is the number of frequency bins of the input."""
        shape = (batch_size, self.lookahead, bins, self.weight.shape[1])
        return StridedConvState(self.weight.new_zeros(shape), 0)

    def step(self, x: Tensor, state: StridedConvState) -> Tensor:
        """Convolve the next frames [B, T, F, C]; gives every output whose inputs are there."""
        x = torch.cat([state.tail[:, self.lookahead - state.waiting :], x], 1)
        outputs = max(0, (x.shape[1] - self.lookahead - 1) // self.stride + 1)
        y = self._convolve(x[:, : self.stride * (outputs - 1) + self.lookahead + 1]) if outputs else self._none(x)
        rest = x[:, self.stride * outputs :]
        state.waiting = rest.shape[1]
        state.tail = F.pad(rest, (0, 0, 0, 0, self.lookahead - state.waiting, 0))
        return y

    def flush(self, state: StridedConvState) -> Tensor:
        """The outputs that see beyond the end of the stream."""
        zeros = torch.zeros_like(state.tail)
        return self.step(zeros, state)

    def _convolve(self, x: Tensor) -> Tensor:
        y = F.conv2d(x.permute(0, 3, 1, 2), self.weight, stride=self.stride, padding=(0, 1))
        return y.permute(0, 2, 3, 1)

    def _none(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[0], 0, self.out_bins(x.shape[2]), self.weight.shape[0])
