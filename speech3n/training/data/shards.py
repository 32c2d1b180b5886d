"""Clips cut out of shards: Ogg files with a `.jsonl` beside each, a clip a line (`start_s`, `end_s`, `text` ...)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech3n.audio.source import FileSource
from speech3n.training.memorise.passages import ManifestError
from speech3n.types import SAMPLE_RATE, Waveform


@dataclass(frozen=True, slots=True)
class Line:
    """What is said in a clip; times in seconds of its shard."""

    start_s: float
    end_s: float
    language: str
    text: str
    translation_en: str | None
    voice: str
    source: str


def find_shards(folder: Path) -> list[Path]:
    """All shards below a folder that are whole, by their `.jsonl`; raises ManifestError where there are none."""
    found = sorted(path for path in folder.rglob("*.jsonl") if path.with_suffix(".ogg").is_file())
    if not found:
        raise ManifestError(f"'{folder}' holds no shards: no .jsonl with an .ogg beside it.")
    return found


def read_lines(shard: Path) -> list[Line]:
    """The clips of a shard; raises ManifestError that names the line."""
    lines = []
    for number, text in enumerate(shard.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(text)
            translation = entry["translation_en"]
            line = Line(
                float(entry["start_s"]),
                float(entry["end_s"]),
                str(entry["language"]),
                str(entry["text"]),
                None if translation is None else str(translation),
                str(entry["voice"]),
                str(entry["source"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{shard}, line {number}, does not describe a clip: {error!r}.") from error
        if not 0 <= line.start_s < line.end_s or not line.text.strip():
            raise ManifestError(f"{shard}, line {number}, describes a clip without length or without text.")
        lines.append(line)
    return lines


def cut_clips(shard: Path) -> Iterator[tuple[Line, Waveform]]:
    """Each clip of a shard with its sound [T]; raises ManifestError, and AudioError for sound that can't be read."""
    lines = read_lines(shard)
    source = FileSource(shard.with_suffix(".ogg"))
    try:
        sound = np.concatenate([np.zeros(0, np.float32), *source.frames()])
    finally:
        source.close()
    for line in lines:
        start, end = round(line.start_s * SAMPLE_RATE), round(line.end_s * SAMPLE_RATE)
        if end > len(sound) + SAMPLE_RATE // 10:
            raise ManifestError(f"{shard} lists a clip that ends at {line.end_s} s, after the sound.")
        yield line, sound[start:end]
