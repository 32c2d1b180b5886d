"""Shards of speech: up to ten minutes of clips in one Ogg Opus file, and a line of JSON about each clip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speech3n.audio.encode import encode
from speech3n.errors import StorageError
from speech3n.types import SAMPLE_RATE, Waveform

LONGEST_SHARD_S = 600.0
GAP_S = 0.2
_BIT_RATE = 24_000
_LOUDEST = 0.97
_QUIET = 0.01
"""Of the loudest 10 ms: what is softer, at either end, is not speech."""
_SLOT = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class ClipLine:
    """A clip of a shard; times in seconds of the shard, fields as in the file."""

    start_s: float
    end_s: float
    language: str
    text: str
    translation_en: str | None
    voice: str
    speed: float
    source: str


class Shard:
    """A shard in the making, in memory."""

    def __init__(self) -> None:
        self.lines: list[ClipLine] = []
        self._sounds: list[Waveform] = []
        self._samples = 0

    @property
    def duration_s(self) -> float:
        """How long it is so far."""
        return self._samples / SAMPLE_RATE

    def has_room(self, waveform: Waveform, limit_s: float = LONGEST_SHARD_S) -> bool:
        """Whether a clip fits in."""
        return self.duration_s + len(waveform) / SAMPLE_RATE <= limit_s

    def add(
        self, waveform: Waveform, text: str, translation_en: str | None, *, language: str, voice: str, speed: float,
        source: str,
    ) -> None:  # fmt: skip
        """Append a clip [T], and a gap after it."""
        start, end = self.duration_s, self.duration_s + len(waveform) / SAMPLE_RATE
        times = round(start, 3), round(end, 3)
        self.lines.append(ClipLine(*times, language, text, translation_en, voice, speed, source))
        self._sounds += [waveform, np.zeros(round(GAP_S * SAMPLE_RATE), np.float32)]
        self._samples += len(waveform) + len(self._sounds[-1])

    def write(self, path: Path) -> None:
        """Write `path`.ogg and then `path`.jsonl: where the second is, the shard is whole. Raises StorageError."""
        sound, lines = path.with_suffix(".ogg"), path.with_suffix(".jsonl")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sound.with_suffix(".part").write_bytes(encode(np.concatenate(self._sounds), "libopus", "ogg", _BIT_RATE))
            sound.with_suffix(".part").replace(sound)
            contents = "".join(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in self.lines)
            lines.with_suffix(".part").write_text(contents, "utf-8")
            lines.with_suffix(".part").replace(lines)
        except OSError as error:
            raise StorageError(f"'{path}' cannot be written: {error.strerror}.", "Check the disk.") from error


def trimmed(waveform: Waveform, before_s: float, after_s: float) -> Waveform:
    """The speech of a waveform [T] with so much silence around it, within full scale; empty where there is none."""
    slots = waveform[: len(waveform) // _SLOT * _SLOT].reshape(-1, _SLOT)
    level = np.sqrt(np.square(slots).mean(1)) if len(slots) else np.zeros(0)
    loud = np.flatnonzero(level > _QUIET * level.max(initial=0.0))
    if not len(loud):
        return np.zeros(0, np.float32)
    start, end = int(loud[0]) * _SLOT, (int(loud[-1]) + 1) * _SLOT
    before, after = round(before_s * SAMPLE_RATE), round(after_s * SAMPLE_RATE)
    padded = np.pad(waveform, (before, after))[start : end + before + after]
    peak = float(np.abs(padded).max())
    return padded * min(1.0, _LOUDEST / peak) if peak > 0 else padded


def spoken_s(folder: Path) -> float:
    """How much speech is in all shards below a folder, gaps not counted."""
    total = 0.0
    for path in folder.rglob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            total += entry["end_s"] - entry["start_s"]
    return total


def missing(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of some shards that are not there, or not whole."""
    return [name for name in names if not (folder / name).with_suffix(".jsonl").is_file()]
