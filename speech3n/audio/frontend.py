"""Log-mel features of the Universal Speech Model, computed while the sound comes in.

Frames of 32 ms every 10 ms, pre-emphasis as HTK does it, magnitude (not power) spectrum, HTK mel filters, natural
logarithm: what transformers' `Gemma3nAudioFeatureExtractor` computes for a whole clip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from speech3n.errors import ModelError
from speech3n.layers.streaming import StreamingModule, silence_padding
from speech3n.runtime.untrusted import Unreadable, read_json
from speech3n.types import SAMPLE_RATE

_LARGEST_FILE = 1 << 20
_LARGEST = 1e30
_MOST_BINS, _LONGEST_FFT = 1 << 10, 1 << 14
_PADDED_TO = 128
"""A clip is followed by zeros up to a multiple of this many samples, as the reference does."""


@dataclass(frozen=True, slots=True)
class FrontendConfig:
    """The settings of `preprocessor_config.json` that matter; frequencies in Hz, lengths in samples."""

    feature_size: int = 128
    frame_length: int = 512
    hop_length: int = 160
    fft_length: int = 1024
    min_frequency: float = 125.0
    max_frequency: float = 7600.0
    preemphasis: float = 0.97
    mel_floor: float = 1e-5
    per_bin_mean: tuple[float, ...] | None = None
    per_bin_stddev: tuple[float, ...] | None = None

    @classmethod
    def read(cls, folder: Path) -> FrontendConfig:
        """The settings of a checkpoint folder, or the standard ones where it has none; raises ModelError."""
        for name, section in (("processor_config.json", "feature_extractor"), ("preprocessor_config.json", None)):
            path = folder / name
            try:
                found = read_json(path, _LARGEST_FILE)
                data = found if section is None else found.get(section)
                if data is not None:
                    return cls.from_dict(data)
            except FileNotFoundError:
                continue
            except (ValueError, TypeError, RecursionError) as error:
                reason = Unreadable(error)
                raise ModelError(f"'{path}' is not a valid description of audio features: {reason}.") from error
        return cls()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FrontendConfig:
        """The same from the contents of the file; raises TypeError or ValueError that name the field."""
        if not isinstance(data, Mapping):
            raise TypeError("it does not hold an object")
        for name, only in _ONLY.items():
            if data.get(name, only) != only:
                raise ValueError(f"{name} is {data[name]!r}, and only {only!r} is supported")
        known: dict[str, Any] = {}
        for spec in fields(cls):
            value = data.get(spec.name)
            if value is None:
                continue
            numbers = _numbers(spec.name, value)
            if spec.default is None:
                known[spec.name] = tuple(numbers)
            elif isinstance(value, list):
                raise TypeError(f"{spec.name} is a list, not a number")
            elif isinstance(spec.default, int) and not numbers[0].is_integer():
                raise TypeError(f"{spec.name} is {value!r}, not a whole number")
            else:
                known[spec.name] = int(numbers[0]) if isinstance(spec.default, int) else numbers[0]
        config = cls(**known)
        config._check()
        return config

    def _check(self) -> None:
        for name, bins in (("per_bin_mean", self.per_bin_mean), ("per_bin_stddev", self.per_bin_stddev)):
            if bins is not None and len(bins) != self.feature_size:
                raise ValueError(f"{name} has {len(bins)} values for feature_size {self.feature_size}")
        if self.per_bin_stddev is not None and min(self.per_bin_stddev) <= 0:
            raise ValueError("per_bin_stddev must be positive")
        if self.feature_size < 1:
            raise ValueError("feature_size must be positive")
        if self.feature_size > _MOST_BINS or self.fft_length > _LONGEST_FFT:
            raise ValueError(f"feature_size may be {_MOST_BINS} at most, fft_length {_LONGEST_FFT}")
        if not 0 < self.hop_length <= self.frame_length <= self.fft_length:
            raise ValueError("hop_length, frame_length and fft_length must be positive and in this order")
        if not 0 <= self.min_frequency < self.max_frequency <= SAMPLE_RATE / 2:
            raise ValueError(f"min_frequency and max_frequency must lie in 0 to {SAMPLE_RATE // 2} and in this order")
        if self.mel_floor <= 0:
            raise ValueError("mel_floor must be positive")


_ONLY = {"sampling_rate": SAMPLE_RATE, "preemphasis_htk_flavor": True, "input_scale_factor": 1.0}
"""Settings that the reference has, and for which every published checkpoint has this value."""


def _numbers(name: str, value: Any) -> list[float]:
    """The numbers of a list, also where it is nested: transformers writes a mean for each bin as [[[...]]]."""
    if isinstance(value, list | tuple):
        return [number for item in value for number in _numbers(name, item)]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise TypeError(f"{name} holds {value!r}, which is not a number")
    return [float(value)]


@dataclass(slots=True)
class LogMelState:
    """Samples that frames wait for, [B, frame_length], of which the last `waiting` count; `received` counts all."""

    tail: Tensor
    waiting: int
    received: int


class LogMel(StreamingModule[LogMelState]):
    """Waveforms [B, samples] to log-mel frames [B, T, bins], one every 10 ms.

    Frame t reads samples `160 t` to `160 t + 512`: the last of them is asked for, but not used.
    """

    window: Tensor
    filters: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: FrontendConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FrontendConfig()
        self.stride = config.hop_length
        self.lookahead = config.frame_length
        bins = config.feature_size
        buffers = {
            "window": hann_window(config.frame_length),
            "filters": mel_filters(config),
            "mean": torch.tensor(config.per_bin_mean or [0.0] * bins),
            "deviation": torch.tensor(config.per_bin_stddev or [1.0] * bins),
        }
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    @property
    def silence(self) -> Tensor:
        """The features of digital silence, [bins]."""
        return (math.log(self.config.mel_floor) - self.mean) / self.deviation

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The features of whole clips [B, samples]."""
        x = F.pad(silence_padding(x, mask), (0, -x.shape[1] % _PADDED_TO))
        mel = self._transform(x)
        if mask is None:
            return mel, None
        mask = F.pad(mask, (0, x.shape[1] - mask.shape[1]))
        return mel, mask[:, :: self.stride][:, : mel.shape[1]]

    def init_state(self, batch_size: int = 1) -> LogMelState:
        """Nothing received."""
        return LogMelState(self.window.new_zeros(batch_size, self.lookahead), 0, 0)

    def step(self, x: Tensor, state: LogMelState) -> Tensor:
        """The features that the next samples [B, any number] complete."""
        state.received += x.shape[1]
        x = torch.cat([state.tail[:, self.lookahead - state.waiting :], x], 1)
        mel = self._transform(x)
        rest = x[:, mel.shape[1] * self.stride :]
        state.waiting = rest.shape[1]
        state.tail = F.pad(rest, (self.lookahead - state.waiting, 0))
        return mel

    def flush(self, state: LogMelState) -> Tensor:
        """The features at the end, where the reference goes on with a few zeros."""
        return self.step(state.tail.new_zeros(state.tail.shape[0], -state.received % _PADDED_TO), state)

    def _transform(self, x: Tensor) -> Tensor:
        config = self.config
        if x.shape[1] <= config.frame_length:
            return x.new_zeros(x.shape[0], 0, config.feature_size)
        frames = x.unfold(1, config.frame_length + 1, config.hop_length)
        # HTK's pre-emphasis begins anew in each frame: its first sample has no predecessor.
        first = frames[..., :1] * (1 - config.preemphasis)
        rest = frames[..., 1:-1] - config.preemphasis * frames[..., :-2]
        frames = torch.cat([first, rest], -1) * self.window
        # In float64, because the logarithm of a quiet bin beside a loud one shows the rounding of a float32 FFT.
        spectrum = torch.fft.rfft(frames.double(), n=config.fft_length)
        mel: Tensor = (spectrum.abs() @ self.filters).clamp_min(config.mel_floor).log().float()
        return (mel - self.mean) / self.deviation


def hann_window(length: int) -> Tensor:
    """The periodic Hann window [length], to the last bit as the reference rounds it.

    What a loud tone leaves in the bins beside it, once pre-emphasis and window have cancelled the rest, is rounding.
    """
    ramp = np.arange(length, dtype=np.float32)
    return torch.from_numpy(np.float32(0.5) * (1 - np.cos(np.float32(2 * np.pi) * ramp / length)))


def mel_filters(config: FrontendConfig) -> Tensor:
    """Triangular filters on HTK's mel scale, [fft_length / 2 + 1, bins]; float64, not normalised by area."""
    lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (config.min_frequency, config.max_frequency))
    mels = torch.linspace(lowest, highest, config.feature_size + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = torch.arange(config.fft_length // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE / config.fft_length)
    widths = edges.diff()
    distances = edges - bins[:, None]
    rising = -distances[:, :-2] / widths[:-1]
    falling = distances[:, 2:] / widths[1:]
    return torch.minimum(rising, falling).clamp_min(0)
