"""Sound files with flipped, missing, doubled and foreign bytes, decoded as transcription decodes them."""

from __future__ import annotations

import random
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np

from speech3n.audio.source import FileSource
from speech3n.types import SAMPLE_RATE
from tests.audio.recordings import Sound, record
from tests.fuzz.child import try_all
from tests.fuzz.damage import damaged
from tests.fuzz.outcome import IS_LONG, share

_SECONDS = 3
_LONGEST_S = 24 * 3600
"""No damage makes days of sound of a small file."""
_BATCH = 100
_HEADER_BYTES = 600

SOUNDS = {
    "wav": Sound("pcm_s16le"),
    "flac": Sound("flac"),
    "mp3": Sound("libmp3lame"),
    "m4a": Sound("aac"),
    "aac": Sound("aac"),
    "ogg": Sound("flac"),
    "opus": Sound("libopus", 48_000),
    "webm": Sound("libopus", 48_000),
    "mkv": Sound("flac", 48_000, "5.1"),
    "mka": Sound("pcm_s24le", 48_000, "7.1"),
    "ts": Sound("aac", gap_at_s=1.0, gap_s=1.5),
    "mov": Sound("alac"),
    "avi": Sound("libmp3lame"),
    "aiff": Sound("pcm_s16be"),
    "au": Sound("pcm_s16be"),
    "caf": Sound("pcm_s16le"),
    "w64": Sound("pcm_s16le"),
    "wv": Sound("wavpack", 48_000, "7.1"),
    "tta": Sound("tta"),
    "mpg": Sound("mp2"),
    "ac3": Sound("ac3", 48_000, "5.1"),
    "flv": Sound("libmp3lame", 44_100),
    "3gp": Sound("aac"),
}
WITH_PICTURES = {"mkv": "mpeg4", "ts": "mpeg2video", "avi": "mpeg4", "mov": "mpeg4"}


def use(path: Path) -> None:
    """Decode all of a file."""
    with closing(FileSource(path)) as source:
        samples = 0
        for frame in source.frames():
            assert np.isfinite(frame).all()
            samples += len(frame)
            assert samples < _LONGEST_S * SAMPLE_RATE
    assert all(warning == warning.strip() for warning in source.warnings)


@cache
def _seeds(folder: Path) -> dict[str, bytes]:
    """A small file of each kind."""
    chance = np.random.default_rng(11)
    time = np.arange(_SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    pcm = (0.3 * np.sin(2 * np.pi * (200 + 100 * time) * time) + chance.normal(0, 0.02, len(time))).astype(np.float32)
    return {
        kind: record(folder / f"seed.{kind}", pcm, sound, WITH_PICTURES.get(kind)).read_bytes()
        for kind, sound in SOUNDS.items()
    }


def _input(seeds: dict[str, bytes], chance: random.Random) -> tuple[str, bytes]:
    """The kind and the bytes of a damaged file."""
    kind = chance.choice(sorted(seeds))
    content = seeds[kind]
    match chance.choice(["all", "header", "header", "many", "splice", "name"]):
        case "header":
            content = damaged(content[:_HEADER_BYTES], chance) + content[_HEADER_BYTES:]
        case "many":
            content = damaged(content, chance, most=200)
        case "splice":
            other = seeds[chance.choice(sorted(seeds))]
            start = chance.randrange(len(content))
            content = content[:start] + other[chance.randrange(len(other)) :]
        case "name":
            kind = chance.choice(sorted(seeds))
            content = damaged(content, chance)
        case _:
            content = damaged(content, chance)
    return kind, content


def test_media(tmp_path: Path) -> None:
    chance = random.Random(None if IS_LONG else 17)
    seeds = _seeds(tmp_path)
    assert not try_all(__name__, [tmp_path / f"seed.{kind}" for kind in seeds])
    failures = []
    count = share(0.25)
    for first in range(0, count, _BATCH):
        batch = []
        for number in range(first, min(count, first + _BATCH)):
            kind, content = _input(seeds, chance)
            path = tmp_path / f"{number}.{kind}"
            path.write_bytes(content)
            batch.append(path)
        failures += try_all(__name__, batch)
        for path in batch:
            path.unlink()
    assert not failures, "\n\n".join(failures)
