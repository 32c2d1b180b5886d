"""Manifests of our own: JSONL, one clip a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from speech3n.eval.sets.clip import Clip, ManifestError
from speech3n.eval.sets.entry import Entry, clip_of
from speech3n.eval.sets.lines import read_lines

_TEXTS = ("source", "speaker", "license", "reference")
_KNOWN = {"audio", "language", "text", "duration_s", "translation_en", *_TEXTS}


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
    for where, line in read_lines(path):
        yield _entry(path.parent, where, line)


def _entry(folder: Path, where: str, line: str) -> Entry:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON ({error.msg}).", "Each line is one JSON object.") from error
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: not a JSON object.", "Each line is one JSON object.")
    texts = {key: _text(record, key, where, "") for key in _TEXTS}
    return Entry(
        where=where,
        audio=(folder / _text(record, "audio", where),),
        audio_hint="Paths count from the manifest's folder.",
        language=_text(record, "language", where),
        text=_text(record, "text", where),
        duration_s=_duration(record, where),
        translation_en=_text(record, "translation_en", where) if record.get("translation_en") else None,
        fields={key: str(value) for key, value in record.items() if key not in _KNOWN and _is_field(value)},
        **texts,
    )


def _text(record: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if value is None:
        raise ManifestError(f'{where}: "{key}" is missing.', "Needed: audio, language, text.")
    if not isinstance(value, str):
        raise ManifestError(f'{where}: "{key}" is {json.dumps(value)}, not a text.', "Put it in quotes.")
    return value


def _duration(record: Mapping[str, Any], where: str) -> float | None:
    value = record.get("duration_s")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        hint = "Give seconds, more than 0, or leave it out."
        raise ManifestError(f'{where}: "duration_s" is {json.dumps(value)}.', hint)
    return float(value)


def _is_field(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
