"""Shards: Ogg files of some minutes, each with a `.jsonl` that has a clip a line, as synthesis makes them for training.

A recogniser is given files, so the clips are cut out, once, into WAV files in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speech3n.eval.sets.audio_files import cache_folder, write_wav_once
from speech3n.eval.sets.digests import file_digest, key_of
from speech3n.eval.sets.entry import Entry
from speech3n.training.data import shards
from speech3n.training.data.shards import is_shard

_TRAINING, _HELD_OUT = "train", "valid"


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder by their lists of clips; those of folders below are not among them."""
    return [path for path in sorted(folder.glob("*.jsonl")) if is_shard(path)]


def held_out(folder: Path) -> Path:
    """The split to evaluate on where a folder has one to train on beside it, or else the folder itself."""
    has_splits = all((folder / split).is_dir() for split in (_TRAINING, _HELD_OUT))
    return folder / _HELD_OUT if has_splits else folder


def read_shard(shard: Path) -> Iterator[Entry]:
    """The clips of a shard, all of one language; raises ManifestError, AudioError, StorageError."""
    clips = shards.read_shard(shard)
    for number, (clip, cut) in enumerate(zip(clips, _cuts(shard, len(clips)), strict=True), start=1):
        yield Entry(
            where=f"{shard}, line {number}",
            audio=(cut,),
            audio_hint="It was cut out and is gone again: try once more.",
            language=clip.language,
            text=clip.text,
            translation_en=clip.translation_en,
            source=clip.source,
            speaker=clip.voice,
        )


def _cuts(shard: Path, count: int) -> list[Path]:
    """The files of the clips, which are written where they are not there yet."""
    key = key_of([file_digest(shard), file_digest(shard.with_suffix(".ogg"))])
    folder = cache_folder() / "clips" / f"{shard.stem}-{key[:12]}"
    paths = [folder / f"{shard.stem}-{number:04}.wav" for number in range(1, count + 1)]
    if not all(path.is_file() for path in paths):
        for path, (_, pcm) in zip(paths, shards.cut_clips(shard), strict=True):
            write_wav_once(path, pcm)
    return paths
