"""Sound from pipes: a container of any kind, known by its first bytes and decoded as it comes, or raw PCM."""

from __future__ import annotations

import contextlib
import io
import select
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from speech3n.audio.containers import HEAD_BYTES, is_container, needs_seeking
from speech3n.audio.media import open_chain, open_stream, reason
from speech3n.audio.pcm import PcmDecoder, PcmFormat
from speech3n.audio.resample import Framer
from speech3n.audio.track import waveforms
from speech3n.errors import AudioError
from speech3n.types import Waveform

_MOST_BYTES = 1 << 16
_POLL_S = 0.2


class PipeSource:
    """Sound from a binary stream, such as `sys.stdin.buffer`, or from a named pipe, which is opened once.

    What does not begin as a container is raw PCM as `pcm` says; without `pcm` FFmpeg has to know it. A frame of
    PCM is yielded as soon as its 160 ms have arrived (and, at rates other than 16 kHz, the resampler's lookahead).
    An impossible rate raises AudioError at once; a terminal, or a pipe that holds no sound, does in `frames`.
    """

    is_live = False
    duration_s: float | None = None

    def __init__(self, stream: BinaryIO | Path, pcm: PcmFormat | None = None, name: str = "stdin") -> None:
        self.name = name
        self.warnings: list[str] = []
        self._stream = stream
        self._pcm = PcmDecoder(pcm) if pcm is not None else None
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield 16 kHz mono frames until the stream ends; raises AudioError where it holds no sample."""
        framer = Framer()
        with self._opened() as stream:
            if stream.isatty():
                raise AudioError(f"{self.name} is a terminal.", "Pipe sound into it, or name a file.")
            pipe = _Pipe(stream, self.name, self._closed)
            for block in self._blocks(pipe):
                yield from framer.push(block)
                if self._closed.is_set():
                    break
        yield from framer.flush()

    def close(self) -> None:
        """End `frames` soon; a stream that was given stays open, as it belongs to the caller."""
        self._closed.set()

    def _opened(self) -> contextlib.AbstractContextManager[BinaryIO]:
        if not isinstance(self._stream, Path):
            return contextlib.nullcontext(self._stream)
        try:
            return self._stream.open("rb")
        except OSError as error:
            raise AudioError(f"{self.name} cannot be opened: {reason(error)}.", "Check the path.") from error

    def _blocks(self, pipe: _Pipe) -> Iterator[Waveform]:
        head = pipe.peek(HEAD_BYTES)
        if self._closed.is_set():
            return
        raw = None if is_container(head) else self._pcm
        if len(head) < (raw.sample_bytes if raw is not None else 1):
            raise AudioError(f"{self.name} ended without any audio.", "Check the program that writes to it.")
        if raw is not None:
            yield from self._raw(pipe, raw)
        elif needs_seeking(head):
            with _copied(pipe) as file:
                yield from self._decoded(file)
        else:
            yield from self._decoded(pipe, is_ogg=head.startswith(b"OggS"))

    def _raw(self, pipe: _Pipe, decoder: PcmDecoder) -> Iterator[Waveform]:
        while data := pipe.read():
            yield decoder.push(data)
        if decoder.rest:
            self.warnings.append(f"{len(decoder.rest)} bytes at the end are no whole sample and were dropped.")
        yield decoder.flush()

    def _decoded(self, stream: _Pipe | BinaryIO, *, is_ogg: bool = False) -> Iterator[Waveform]:
        try:
            with contextlib.closing((open_chain if is_ogg else open_stream)(stream, self.name)) as media:
                yield from waveforms(media, self.warnings)
        except AudioError:
            # A container that was cut off by `close` is not a damaged one.
            if not self._closed.is_set():
                raise


class _Pipe:
    """A stream that gives what has arrived, whose beginning can be looked at, and that ends when `closed` is set."""

    def __init__(self, stream: BinaryIO, name: str, closed: threading.Event) -> None:
        self._stream = stream
        self._name = name
        self._closed = closed
        self._peeked = b""

    def peek(self, size: int) -> bytes:
        """The first `size` bytes, fewer where the stream ends before; `read` gives them again."""
        while len(self._peeked) < size and (data := self._read(size)):
            self._peeked += data
        return self._peeked[:size]

    def read(self, size: int = _MOST_BYTES, /) -> bytes:
        """Up to `size` bytes that have arrived, waiting for at least one; none at the end and after closing."""
        if not self._peeked:
            return self._read(size)
        data, self._peeked = self._peeked[:size], self._peeked[size:]
        return data

    def _read(self, size: int) -> bytes:
        while not self._closed.is_set() and not self._is_ready():
            continue
        if self._closed.is_set():
            return b""
        try:
            if isinstance(self._stream, io.BufferedReader | io.BytesIO):
                # `read` would wait for all of it; `read1` returns after one read of the pipe.
                return self._stream.read1(size)
            return self._stream.read(size)
        except OSError as error:
            raise AudioError(f"{self._name} cannot be read: {reason(error)}.", "Check the pipe.") from error

    def _is_ready(self) -> bool:
        """Wait a little for data, so that `close` is noticed; True where waiting is impossible (Windows)."""
        with contextlib.suppress(OSError, ValueError):
            return bool(select.select([self._stream], [], [], _POLL_S)[0])
        return True


@contextlib.contextmanager
def _copied(pipe: _Pipe) -> Iterator[BinaryIO]:
    """All of a pipe in a temporary file, for containers that keep at their end what is needed to begin."""
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(pipe, file)
            file.seek(0)
        except OSError as error:
            hint = "Make room in the folder for temporary files, or set TMPDIR to another one."
            raise AudioError(f"A temporary copy cannot be written: {reason(error)}.", hint) from error
        yield file
