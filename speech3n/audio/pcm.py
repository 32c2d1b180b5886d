"""Raw PCM from a pipe: what `arecord`, `ffmpeg -f s16le` or a radio receiver writes to stdout."""

from __future__ import annotations

import contextlib
import io
import select
import threading
from collections.abc import Iterator
from typing import BinaryIO, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.resample import Framer, Resampler
from speech3n.errors import AudioError, UsageError
from speech3n.types import SAMPLE_RATE, Waveform

SampleFormat: TypeAlias = Literal["s16le", "s32le", "f32le"]
SAMPLE_FORMATS: tuple[SampleFormat, ...] = get_args(SampleFormat)

_DTYPES = {"s16le": ("<i2", 2.0**15), "s32le": ("<i4", 2.0**31), "f32le": ("<f4", 1.0)}
_FILE_MARKS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}
_MOST_BYTES = 1 << 16
_POLL_S = 0.2


class PcmSource:
    """Raw interleaved PCM from a binary stream, such as `sys.stdin.buffer`.

    A frame is yielded as soon as its 160 ms have arrived (and, at rates other than 16 kHz, the resampler's
    lookahead). A sample cut off by the end is dropped, and `warnings` says so. An unknown format or rate
    raises UsageError or AudioError at once; a terminal, or a file with a header, raises AudioError.
    """

    is_live = False
    duration_s: float | None = None

    def __init__(
        self,
        stream: BinaryIO,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        sample_format: str = "s16le",
        name: str = "stdin",
    ) -> None:
        if sample_format not in _DTYPES:
            raise UsageError(f"Unknown sample format {sample_format!r}.", f"Choose one of {', '.join(SAMPLE_FORMATS)}.")
        self.name = name
        self.warnings: list[str] = []
        self._stream = stream
        self._dtype, self._full_scale = np.dtype(_DTYPES[sample_format][0]), _DTYPES[sample_format][1]
        self._resampler = Resampler(sample_rate, channels)
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield 16 kHz mono frames until the stream ends; raises AudioError where it holds no sample."""
        if self._stream.isatty():
            raise AudioError(f"{self.name} is a terminal.", "Pipe raw PCM into it, or name a file.")
        framer, sample_bytes = Framer(), self._dtype.itemsize * self._resampler.channels
        rest, is_first = b"", True
        while data := self._read():
            data = rest + data
            if is_first and len(data) < 4:
                rest = data
                continue
            if is_first:
                self._refuse_file(data[:4])
                is_first = False
            whole = len(data) - len(data) % sample_bytes
            data, rest = data[:whole], data[whole:]
            yield from framer.push(self._resampler.push(self._to_float(data)))
        if rest:
            self.warnings.append(f"{len(rest)} bytes at the end are no whole sample and were dropped.")
        if is_first and not self._closed.is_set():
            raise AudioError(f"{self.name} ended without any audio.", "Check the program that writes to it.")
        yield from framer.push(self._resampler.flush())
        yield from framer.flush()

    def close(self) -> None:
        """End `frames` soon; the stream stays open, as it belongs to the caller."""
        self._closed.set()

    def _read(self) -> bytes:
        """Return what has arrived, waiting for at least one byte; empty at the end or after `close`."""
        while not self._closed.is_set() and not self._is_ready():
            continue
        if self._closed.is_set():
            return b""
        try:
            if isinstance(self._stream, io.BufferedReader | io.BytesIO):
                # `read` would wait for all of it; `read1` returns after one read of the pipe.
                return self._stream.read1(_MOST_BYTES)
            return self._stream.read(_MOST_BYTES)
        except OSError as error:
            raise AudioError(f"{self.name} cannot be read: {error.strerror}.", "Check the pipe.") from error

    def _is_ready(self) -> bool:
        """Wait a little for data, so that `close` is noticed; True where waiting is impossible (Windows)."""
        with contextlib.suppress(OSError, ValueError):
            return bool(select.select([self._stream], [], [], _POLL_S)[0])
        return True

    def _refuse_file(self, start: bytes) -> None:
        if start in _FILE_MARKS:
            raise AudioError(
                f"{self.name} gets a {_FILE_MARKS[start]} file, not raw PCM.",
                "Name the file instead, or convert it: ffmpeg -i FILE -f s16le -ar 16000 -ac 1 -",
            )

    def _to_float(self, data: bytes) -> NDArray[np.float32]:
        pcm = np.frombuffer(data, self._dtype).astype(np.float32) / np.float32(self._full_scale)
        return pcm.reshape(-1, self._resampler.channels)
