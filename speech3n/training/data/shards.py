"""Shards of speech: up to ten minutes of clips in one Ogg Opus file, and beside it a `.jsonl` with a clip a line.

Nano is trained on them, `python -m speech3n.training.nano.synthesise` writes them, and `speech3n eval run` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speech3n.audio.encode import encode
from speech3n.audio.source import FileSource
from speech3n.errors import StorageError
from speech3n.runtime import untrusted
from speech3n.runtime.untrusted import Seconds, Unreadable
from speech3n.training.data.manifest import ManifestError, read_lines, read_record
from speech3n.types import SAMPLE_RATE, Waveform

LONGEST_SHARD_S = 600.0
_GAP_S = 0.2
_BIT_RATE = 24_000


@dataclass(frozen=True, slots=True)
class ShardClip:
    """A clip of a shard, as its line has it; times in seconds of the shard."""

    start_s: Seconds
    end_s: Seconds
    language: str
    text: str
    translation_en: str | None
    voice: str
    source: str
    speed: float = 1.0
    """Of a synthetic voice, as a factor."""


class ShardWriter:
    """A shard in the making, in memory."""

    def __init__(self) -> None:
        self.clips: list[ShardClip] = []
        self._waveforms: list[Waveform] = []
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
        self.clips.append(ShardClip(*times, language, text, translation_en, voice, source, speed))
        self._waveforms += [waveform, np.zeros(round(_GAP_S * SAMPLE_RATE), np.float32)]
        self._samples += len(waveform) + len(self._waveforms[-1])

    def write(self, path: Path) -> None:
        """Write `path`.ogg and then `path`.jsonl: where the second is, the shard is whole. Raises StorageError."""
        audio, lines = path.with_suffix(".ogg"), path.with_suffix(".jsonl")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            encoded = encode(np.concatenate(self._waveforms), "libopus", "ogg", _BIT_RATE)
            audio.with_suffix(".part").write_bytes(encoded)
            audio.with_suffix(".part").replace(audio)
            contents = "".join(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in self.clips)
            lines.with_suffix(".part").write_text(contents, "utf-8")
            lines.with_suffix(".part").replace(lines)
        except OSError as error:
            raise StorageError(f"'{path}' cannot be written: {error.strerror}.", "Check the disk.") from error


def is_shard(path: Path) -> bool:
    """Whether a file is the list of clips of a shard."""
    return path.suffix == ".jsonl" and path.with_suffix(".ogg").is_file()


def find_shards(folder: Path) -> list[Path]:
    """All shards below a folder that are whole, by their `.jsonl`; raises ManifestError where there are none."""
    found = sorted(path for path in folder.rglob("*.jsonl") if is_shard(path))
    if not found:
        raise ManifestError(f"'{folder}' holds no shards: no .jsonl with an .ogg beside it.")
    return found


def read_shard(shard: Path) -> list[ShardClip]:
    """The clips of a shard, by its `.jsonl`; raises ManifestError that names the line."""
    clips = []
    for where, line in read_lines(shard):
        entry = read_record(where, line)
        try:
            clip = untrusted.convert(entry, ShardClip)
        except Unreadable as error:
            raise ManifestError(f"{where}, does not describe a clip: {error}.") from error
        if not 0 <= clip.start_s < clip.end_s or not clip.text.strip():
            raise ManifestError(f"{where}, describes a clip without length or without text.")
        clips.append(clip)
    return clips


def cut_clips(shard: Path) -> Iterator[tuple[ShardClip, Waveform]]:
    """Each clip of a shard with its waveform [T]; raises ManifestError, and AudioError for audio that can't be read."""
    clips = read_shard(shard)
    source = FileSource(shard.with_suffix(".ogg"))
    try:
        waveform = np.concatenate([np.zeros(0, np.float32), *source.frames()])
    finally:
        source.close()
    for clip in clips:
        start, end = round(clip.start_s * SAMPLE_RATE), round(clip.end_s * SAMPLE_RATE)
        if end > len(waveform) + SAMPLE_RATE // 10:
            raise ManifestError(f"{shard} lists a clip that ends at {clip.end_s} s, after the sound.")
        yield clip, waveform[start:end]


def speech_s(folder: Path) -> float:
    """How much speech is in all shards below a folder, gaps not counted."""
    shards = (path for path in folder.rglob("*.jsonl") if is_shard(path))
    return sum(clip.end_s - clip.start_s for shard in shards for clip in read_shard(shard))
