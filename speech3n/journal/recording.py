"""The sound of a session on disk, as it comes: WAV files of ten minutes that are whole after kill -9.

Every frame reaches the operating system at once, so that only a failing machine can lose it. A file's header
says 'length unknown' until the file is full or closed; players and `read` go by the file's size then.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

import numpy as np

from speech3n.errors import StorageError
from speech3n.types import SAMPLE_RATE, Waveform

FILE_SAMPLES = 600 * SAMPLE_RATE
_BYTES = 2
_UNKNOWN = 0xFFFFFFFF
_HEADER_BYTES = 44


class Recording:
    """16-bit mono audio, appended by one thread and read back by any; positions are samples from the start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.samples = _recorded_samples(folder)
        self._writable = not self.samples

    def append(self, pcm: Waveform) -> None:
        """Write audio [T]; raises StorageError, after which the recording takes no more."""
        if not self._writable:
            raise StorageError(f"The recording in '{self._folder}' cannot be continued.")
        data = (np.clip(pcm, -1.0, 1.0) * 32767).round().astype("<i2").tobytes()
        try:
            while data:
                room = (FILE_SAMPLES - self.samples % FILE_SAMPLES) * _BYTES
                self._write(data[:room])
                data = data[room:]
        except OSError as error:
            self._writable = False
            if self._file is not None:
                self._file.close()
                self._file = None
            raise StorageError(
                f"The recording in '{self._folder}' stopped: {error.strerror or error}.",
                "Free some disk space; captions go on, but what is said from here is not recorded.",
            ) from error

    def read(self, start: int, count: int) -> Waveform:
        """Read up to `count` samples [T] from `start`; shorter at the end of what there is."""
        parts = []
        while count > 0:
            index, offset = divmod(start, FILE_SAMPLES)
            path = _path(self._folder, index)
            wanted = min(count, FILE_SAMPLES - offset)
            try:
                with path.open("rb") as file:
                    file.seek(_HEADER_BYTES + offset * _BYTES)
                    data = file.read(wanted * _BYTES)
            except FileNotFoundError:
                break
            except OSError as error:
                raise StorageError(f"'{path}' cannot be read: {error.strerror or error}.") from error
            parts.append(np.frombuffer(data[: len(data) // _BYTES * _BYTES], "<i2"))
            got = len(parts[-1])
            start, count = start + got, count - got
            if got < wanted:
                break
        return (np.concatenate(parts) / np.float32(32767)).astype(np.float32) if parts else np.zeros(0, np.float32)

    def close(self) -> None:
        """Write the true length into the last file's header."""
        file, self._file, self._writable = self._file, None, False
        if file is None:
            return
        try:
            with file:
                size = file.tell() - _HEADER_BYTES
                file.seek(0)
                file.write(_header(size))
        except OSError as error:
            raise StorageError(f"'{file.name}' could not be completed: {error.strerror or error}.") from error

    def delete(self) -> None:
        """Remove the audio files."""
        self.close()
        for path in self._folder.glob("audio-*.wav"):
            path.unlink()

    def _write(self, data: bytes) -> None:
        if self.samples % FILE_SAMPLES == 0:
            self.close()
            self._writable = True
            self._file = _path(self._folder, self.samples // FILE_SAMPLES).open("wb", buffering=0)
            self._file.write(_header(_UNKNOWN - _HEADER_BYTES))
        assert self._file is not None
        written = self._file.write(data)
        self.samples += written // _BYTES
        if written < len(data):
            raise OSError(28, "No space left on device")


def _path(folder: Path, index: int) -> Path:
    return folder / f"audio-{index:05d}.wav"


def _recorded_samples(folder: Path) -> int:
    """How much audio lies in `folder`, by file sizes."""
    sizes = [path.stat().st_size for path in sorted(folder.glob("audio-*.wav"))]
    if not sizes:
        return 0
    return (len(sizes) - 1) * FILE_SAMPLES + max(0, sizes[-1] - _HEADER_BYTES) // _BYTES


def _header(data_bytes: int) -> bytes:
    """A RIFF/WAVE header for 16-bit mono PCM (Microsoft, Multimedia Programming Interface 1.0)."""
    fmt = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, SAMPLE_RATE * _BYTES, _BYTES, 8 * _BYTES)
    size = min(_UNKNOWN, data_bytes + _HEADER_BYTES - 8)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + fmt
        + b"data"
        + struct.pack("<I", data_bytes)
    )
