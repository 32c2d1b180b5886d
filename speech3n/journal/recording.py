"""The sound of a session on disk, as it comes: WAV files of ten minutes that are whole after kill -9.

Every frame reaches the operating system at once and the disk within about a second, so that a killed program loses
nothing and a power cut little. A file's header says 'length unknown' until the file is full or closed; players and
`read` go by the file's size then. Where the disk is full sound is left out, its place stays, and recording goes on as
soon as there is room.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from speech3n.errors import StorageError
from speech3n.journal.private_files import create_private, sync_folder
from speech3n.types import SAMPLE_RATE, Notice, Waveform

FILE_SAMPLES = 600 * SAMPLE_RATE
_BYTES = 2
_UNKNOWN = 0xFFFFFFFF
_HEADER_BYTES = 44
_SYNC_EVERY_S = 1.0
_RETRY_EVERY_S = 1.0
"""How often writing is tried while the disk takes nothing."""


class Recording:
    """16-bit mono audio, appended by one thread, read back and closed by any; positions are samples from the start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        """Held while the file is written or closed: whoever captures may not have stopped when the session ends."""
        self._is_closed = False
        self._file: tuple[int, int] | None = None
        """Index and descriptor of the file that is written."""
        self._created: list[Path] = []
        self._failed_s: float | None = None
        self._synced_s = time.monotonic()
        self.samples, self.holes = _recorded(folder)
        """Where the recording ends, and the stretches [start, end) before that which are not on disk."""
        self._is_of_before = self.samples > 0

    @property
    def is_failing(self) -> bool:
        """Whether the disk took nothing the last time."""
        return self._failed_s is not None

    def holds(self, start: int, end: int) -> bool:
        """Whether the samples from `start` to `end` are on disk."""
        return end <= self.samples and not any(first < end and start < last for first, last in self.holes)

    def append(self, pcm: Waveform) -> Notice | None:
        """Write audio [T]; a Notice where the disk takes no more, or takes some again. What it does not take is lost.

        So is what comes after `close`. Raises StorageError where the folder held a recording before.
        """
        if self._is_of_before:
            raise StorageError(f"The recording in '{self._folder}' cannot be continued.")
        with self._lock:
            return None if self._is_closed else self._append(pcm)

    def _append(self, pcm: Waveform) -> Notice | None:
        start, self.samples = self.samples, self.samples + len(pcm)
        now_s = time.monotonic()
        if self._failed_s is not None and now_s - self._failed_s < _RETRY_EVERY_S:
            self._add_hole(start)
            return None
        try:
            start = self._write(start, (np.clip(pcm, -1.0, 1.0) * 32767).round().astype("<i2").tobytes())
            if start < self.samples:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync(now_s)
        except OSError as error:
            was_failing, self._failed_s = self.is_failing, now_s
            self._add_hole(start)
            return None if was_failing else self._stopped(error)
        was_failing, self._failed_s = self.is_failing, None
        return self._resumed() if was_failing else None

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
        """Write the true length into the last file's header, and see it to the disk; raises StorageError."""
        with self._lock:
            self._is_closed = True
            try:
                self._complete()
            except OSError as error:
                raise StorageError(
                    f"The recording in '{self._folder}' could not be completed: {error.strerror or error}."
                ) from error

    def delete(self) -> None:
        """Remove the audio files that this recording made."""
        with suppress(StorageError):
            self.close()
        for path in self._created:
            path.unlink(missing_ok=True)

    def _write(self, start: int, data: bytes) -> int:
        """Write samples at their place; the sample up to which there was room."""
        while data:
            index, offset = divmod(start, FILE_SAMPLES)
            part = data[: (FILE_SAMPLES - offset) * _BYTES]
            written = os.pwrite(self._open(index), part, _HEADER_BYTES + offset * _BYTES) // _BYTES
            start += written
            data = data[written * _BYTES :]
            if written * _BYTES < len(part):
                break
        return start

    def _open(self, index: int) -> int:
        if self._file is None or self._file[0] != index:
            self._complete()
            path = _path(self._folder, index)
            file = create_private(path)
            try:
                os.pwrite(file, _header(_UNKNOWN - _HEADER_BYTES), 0)
                os.fsync(file)
                sync_folder(self._folder)
            except OSError:
                # Without a header it would be no sound to anybody; it is made anew when there is room.
                os.close(file)
                path.unlink(missing_ok=True)
                raise
            self._created.append(path)
            self._file = index, file
        return self._file[1]

    def _complete(self) -> None:
        """End the file that is written, with its true length in its header; raises OSError."""
        if self._file is None:
            return
        file, self._file = self._file[1], None
        try:
            os.pwrite(file, _header(os.fstat(file).st_size - _HEADER_BYTES), 0)
            os.fsync(file)
        finally:
            os.close(file)

    def _sync(self, now_s: float) -> None:
        if self._file is not None and now_s - self._synced_s >= _SYNC_EVERY_S:
            getattr(os, "fdatasync", os.fsync)(self._file[1])  # macOS has only the second
            self._synced_s = now_s

    def _add_hole(self, start: int) -> None:
        if self.holes and self.holes[-1][1] == start:
            start = self.holes.pop()[0]
        self.holes.append((start, self.samples))

    def _stopped(self, error: OSError) -> Notice:
        return Notice(
            f"The recording in '{self._folder}' stopped: {error.strerror or error}.",
            "Free some disk space, and it goes on; captions go on, but what is said until then is not recorded.",
            "error",
            self.samples / SAMPLE_RATE,
        )

    def _resumed(self) -> Notice:
        start, end = self.holes[-1]
        missing = f"{(end - start) / SAMPLE_RATE:.1f} s are missing from it"
        return Notice(f"The recording goes on; {missing}.", "", "information", self.samples / SAMPLE_RATE)


def _path(folder: Path, index: int) -> Path:
    return folder / f"audio-{index:05d}.wav"


def _recorded(folder: Path) -> tuple[int, list[tuple[int, int]]]:
    """How much audio lies in `folder`, by names and sizes of files, and where some is missing before its end."""
    sizes: dict[int, int] = {}
    for path in folder.glob("audio-*.wav"):
        number = path.stem.removeprefix("audio-")
        # A folder, a pipe or a link to nowhere under this name is no sound.
        if number.isdecimal() and len(number) == 5 and path.is_file():
            samples = max(0, path.stat().st_size - _HEADER_BYTES) // _BYTES
            sizes[int(number)] = min(FILE_SAMPLES, samples)
    holes: list[tuple[int, int]] = []
    there = 0
    for index in sorted(sizes):
        start = index * FILE_SAMPLES
        if there < start:
            holes.append((there, start))
        there = start + sizes[index]
    return there, holes


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
