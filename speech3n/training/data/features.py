"""Log-mel features on disk, one byte a bin: computed once, mapped into memory, checked against their sums.

A folder holds `manifest.json` (front end, files and their SHA-256) and for each shard `<name>.npy`, uint8
[frames, bins], with `<name>.jsonl`, a clip a line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from speech3n.audio.frontend import FrontendConfig, LogMel
from speech3n.errors import StorageError
from speech3n.runtime.untrusted import Number, Text, Unreadable, convert, parse_object, read_json
from speech3n.training.data.manifest import read_lines
from speech3n.training.data.shards import ShardClip
from speech3n.types import Waveform

Mel = NDArray[np.float32]
"""Log-mel frames [T, bins], one every 10 ms."""
Bytes = NDArray[np.uint8]

FLOOR = float(np.log(1e-5))
"""The features of digital silence, which are byte 0."""
_STEP = 0.07
"""Natural logarithm a byte: 0.6 dB; the loudest sound is byte 255, 6.3 above a magnitude of one."""
_FORMAT = 1
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 100_000_000


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip whose frames `first` to `first + frames` of a file are its features."""

    file: str
    first: Number
    frames: Number
    language: str
    text: str
    translation_en: str | None
    voice: str
    source: str

    @property
    def duration_s(self) -> float:
        """Its length, to 10 ms."""
        return self.frames / 100


class _Sums(msgspec.Struct):
    """The SHA-256 of the files of a shard."""

    npy: Text
    jsonl: Text


def pack(mel: Mel) -> Bytes:
    """Features [T, bins] in bytes."""
    packed: Bytes = np.clip(np.rint((mel - FLOOR) / _STEP), 0, 255).astype(np.uint8)
    return packed


def unpack(packed: Bytes) -> Mel:
    """The features of bytes [T, bins], right to within 0.3 dB."""
    return packed.astype(np.float32) * np.float32(_STEP) + np.float32(FLOOR)


class FeatureWriter:
    """Adds shards to a folder of features; what is in its manifest already is not made again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log_mel = LogMel()
        folder.mkdir(parents=True, exist_ok=True)
        self._manifest: dict[str, Any] = {"format": _FORMAT, "frontend": asdict(FrontendConfig()), "files": {}}
        if (folder / _MANIFEST).is_file():
            self._manifest = _read_manifest(folder)

    def has(self, name: str) -> bool:
        """Whether a shard of this name is there."""
        return name in self._manifest["files"]

    def add(self, name: str, clips: Iterable[tuple[ShardClip, Waveform]]) -> int:
        """Write the features of clips; gives the number of frames. Raises StorageError."""
        rows: list[Bytes] = []
        stored: list[StoredClip] = []
        first = 0
        for line, waveform in clips:
            packed = pack(self.features(waveform))
            entry = (line.language, line.text, line.translation_en, line.voice, line.source)
            stored.append(StoredClip(name, first, len(packed), *entry))
            rows.append(packed)
            first += len(packed)
        if not rows:
            return 0
        try:
            part = self.folder / f"{name}.part.npy"
            np.save(part, np.concatenate(rows), allow_pickle=False)
            part.replace(self.folder / f"{name}.npy")
            lines = "".join(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in stored)
            (self.folder / f"{name}.jsonl").write_text(lines, "utf-8")
            self._manifest["files"][name] = {kind: _sha256(self.folder / f"{name}.{kind}") for kind in ("npy", "jsonl")}
            part = self.folder / f"{_MANIFEST}.part"
            part.write_text(json.dumps(self._manifest, indent=1) + "\n", "utf-8")
            part.replace(self.folder / _MANIFEST)
        except OSError as error:
            raise StorageError(f"'{self.folder}' cannot be written: {error.strerror}.", "Check the disk.") from error
        return first

    def features(self, waveform: Waveform) -> Mel:
        """Log-mel frames [T, bins] of a waveform."""
        mel, _ = self._log_mel(torch.from_numpy(waveform)[None])
        frames: Mel = mel[0].numpy()
        return frames


class FeatureStore:
    """The clips of folders of features, mapped into memory.

    Raises StorageError where a folder is damaged: with `verify`, wherever a byte differs from what was written.
    """

    def __init__(self, folders: Iterable[Path], *, verify: bool = False) -> None:
        self.clips: list[StoredClip] = []
        self._files: dict[str, Bytes] = {}
        digest = hashlib.sha256()
        for folder in folders:
            for name, sums in sorted(_read_manifest(folder)["files"].items()):
                for kind in ("npy", "jsonl"):
                    if (verify or kind == "jsonl") and _sha256(folder / f"{name}.{kind}") != sums[kind]:
                        raise StorageError(f"'{folder / name}.{kind}' is damaged.", "Delete the folder, make it anew.")
                key = str(folder / name)
                self._files[key] = _mapped(folder / f"{name}.npy")
                digest.update(sums["npy"].encode() + sums["jsonl"].encode())
                self.clips += _clips_of(folder / f"{name}.jsonl", key, len(self._files[key]))
        self.digest = digest.hexdigest()
        """Changes with anything that is in it."""

    def mel(self, clip: StoredClip) -> Mel:
        """The features [T, bins] of a clip."""
        return unpack(self._files[clip.file][clip.first : clip.first + clip.frames])

    @property
    def hours(self) -> float:
        """How much there is."""
        return sum(clip.duration_s for clip in self.clips) / 3600


def _clips_of(path: Path, key: str, frames: int) -> list[StoredClip]:
    clips = []
    for where, line in read_lines(path):
        try:
            clip = convert({**parse_object(line), "file": key}, StoredClip)
        except Unreadable as error:
            raise StorageError(f"{where}: no clip ({error}).", "Make the folder anew.") from error
        if clip.first + clip.frames > frames:
            raise StorageError(f"'{path}' lists frames that '{key}.npy' does not have.", "Make the folder anew.")
        clips.append(clip)
    return clips


def _mapped(path: Path) -> Bytes:
    try:
        mapped: Bytes = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"'{path}' cannot be read: {error}.", "Make the folder of features anew.") from error
    if mapped.dtype != np.uint8 or mapped.ndim != 2:
        raise StorageError(f"'{path}' does not hold features.", "Make the folder of features anew.")
    return mapped


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        manifest = read_json(path, _LARGEST_MANIFEST)
        convert(manifest.get("files"), dict[str, _Sums])
    except (FileNotFoundError, Unreadable) as error:
        raise StorageError(
            f"'{path}' cannot be read: {Unreadable(error)}.", "Make it: speech3n.training.data."
        ) from error
    frontend = json.loads(json.dumps(asdict(FrontendConfig())))
    if manifest.get("format") != _FORMAT or manifest.get("frontend") != frontend:
        raise StorageError(f"'{folder}' was made with another front end.", "Delete the folder and make it anew.")
    return manifest


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"'{path}' cannot be read: {error.strerror}.", "Make the folder anew.") from error
