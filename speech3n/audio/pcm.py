"""Raw PCM: what `arecord`, `ffmpeg -f s16le` or a radio receiver writes to stdout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from speech3n.audio.resample import Resampler
from speech3n.errors import UsageError
from speech3n.types import SAMPLE_RATE, Waveform

SampleFormat: TypeAlias = Literal["s16le", "s32le", "f32le"]
SAMPLE_FORMATS: tuple[SampleFormat, ...] = get_args(SampleFormat)

_DTYPES = {"s16le": ("<i2", 2.0**15), "s32le": ("<i4", 2.0**31), "f32le": ("<f4", 1.0)}


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """What raw interleaved PCM is; nothing in the bytes says so."""

    sample_rate: int = SAMPLE_RATE
    channels: int = 1
    sample_format: str = "s16le"

    def __post_init__(self) -> None:
        """Raise UsageError for a sample format that there is not."""
        if self.sample_format not in _DTYPES:
            known = ", ".join(SAMPLE_FORMATS)
            raise UsageError(f"Unknown sample format {self.sample_format!r}.", f"Choose one of {known}.")


class PcmDecoder:
    """Bytes of raw PCM, in pieces of any size, made 16 kHz mono; raises AudioError for an impossible rate."""

    def __init__(self, pcm: PcmFormat) -> None:
        name, self._full_scale = _DTYPES[pcm.sample_format]
        self._dtype = np.dtype(name)
        self._resampler = Resampler(pcm.sample_rate, pcm.channels)
        self.sample_bytes = self._dtype.itemsize * pcm.channels
        """Bytes of one sample of all channels."""
        self.rest = b""
        """What came of a sample that is not whole yet."""

    def push(self, data: bytes) -> Waveform:
        """Take bytes; return what is ready, maybe nothing."""
        data = self.rest + data
        whole = len(data) - len(data) % self.sample_bytes
        self.rest = data[whole:]
        samples = np.frombuffer(data[:whole], self._dtype).astype(np.float32) / np.float32(self._full_scale)
        return self._resampler.push(samples.reshape(-1, self._resampler.channels))

    def flush(self) -> Waveform:
        """Return the tail."""
        return self._resampler.flush()
