"""Manifests of our own, JSONL with one clip a line, as a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.entry import Entry, clip_of
from speech3n.training.data import manifest
from speech3n.training.data.manifest import ManifestError


def load_manifest(path: Path, *, language: str | None = None, limit: int | None = None) -> list[Clip]:
    """Read a JSONL manifest: {"audio", "language", "text"} on each line, and what else `Clip` has.

    Relative audio paths count from the manifest's folder; without `duration_s` the file is asked for its length.
    Other keys with texts or numbers become `Clip.fields`. `language` keeps one language, `limit` so many clips
    of each language. Raises ManifestError with file and line.
    """
    entries = list(read_manifest(path))
    if not entries:
        raise ManifestError(f"{path} holds no clips.", 'Each line is {"audio", "language", "text", ...}.')
    counts: dict[str, int] = {}
    clips = []
    for entry in entries:
        counts[entry.language] = counts.get(entry.language, 0) + 1
        if language in (None, entry.language) and (limit is None or counts[entry.language] <= limit):
            clips.append(clip_of(entry))
    return clips


def read_manifest(path: Path) -> Iterator[Entry]:
    """The entries of a JSONL manifest; raises ManifestError with file and line."""
    for line in manifest.read_manifest(path):
        described = {name: value for name, value in asdict(line).items() if name not in ("audio", "record")}
        yield Entry(audio=(line.audio,), audio_hint="Paths count from the manifest's folder.", **described)
