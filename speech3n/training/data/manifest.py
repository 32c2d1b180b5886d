"""Manifests: JSONL, on each line a recording and what is said in it; read by fine-tuning, `memorise` and evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech3n.errors import Speech3nError
from speech3n.runtime import untrusted
from speech3n.runtime.untrusted import Unreadable

_TEXTS = ("source", "speaker", "license", "reference")
_LONGEST_LINE = 16_000_000
_LONGEST_S = 1e8
_KNOWN = {"audio", "language", "text", "duration_s", "translation_en", *_TEXTS}


class ManifestError(Speech3nError):
    """A set of clips that is missing, or has a line that describes no clip; names the file and the line."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A line of a manifest; `where` names file and line, `audio` was not looked at.

    `translation_en` is None where there is no English reference, `duration_s` where the line does not tell it.
    `fields` holds other keys with texts or numbers, `record` all keys as they stand.
    """

    where: str
    audio: Path
    language: str
    text: str
    duration_s: float | None
    translation_en: str | None
    source: str
    speaker: str
    license: str
    reference: str
    fields: Mapping[str, str]
    record: Mapping[str, Any]


def read_manifest(path: Path) -> Iterator[ManifestEntry]:
    """The entries of a JSONL manifest, whose relative audio paths count from its folder.

    Raises ManifestError with file and line for what has no `audio`, `language` and `text`.
    """
    for where, line in read_lines(path):
        yield _entry(path.parent, where, line)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a text file that are not blank, each with where it is ("FILE, line 3"); raises ManifestError.

    Only line feeds end a line, so that texts may hold any other separator of Unicode.
    """
    try:
        for number, raw in enumerate(untrusted.read_lines(path, _LONGEST_LINE), start=1):
            where = f"{path}, line {number}"
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise ManifestError(f"{where}: not UTF-8.", "Convert the file to UTF-8.") from error
            if line.strip():
                yield where, line
    except FileNotFoundError as error:
        raise ManifestError(f"Cannot read {path}: {error.strerror}.", "Check the path.") from error
    except Unreadable as error:
        raise ManifestError(f"Cannot read {path}: {error}.", "Check the path.") from error


def read_record(where: str, line: str) -> Mapping[str, Any]:
    """The JSON object on a line; raises ManifestError where it holds anything else."""
    try:
        return untrusted.parse_object(line)
    except Unreadable as error:
        raise ManifestError(f"{where}: {error}.", "Each line is one JSON object.") from error


def _entry(folder: Path, where: str, line: str) -> ManifestEntry:
    record = read_record(where, line)
    source, speaker, license_, reference = (_text(record, key, where, "") for key in _TEXTS)
    return ManifestEntry(
        where=where,
        audio=folder / _text(record, "audio", where),
        language=_text(record, "language", where),
        text=_text(record, "text", where),
        duration_s=_duration(record, where),
        translation_en=_text(record, "translation_en", where) if record.get("translation_en") else None,
        source=source,
        speaker=speaker,
        license=license_,
        reference=reference,
        fields={key: str(value) for key, value in record.items() if key not in _KNOWN and _is_field(value)},
        record=record,
    )


def _text(record: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if value is None:
        raise ManifestError(f'{where}: "{key}" is missing.', "Needed: audio, language, text.")
    if not isinstance(value, str):
        raise ManifestError(f'{where}: "{key}" is {untrusted.shown(value)}, not a text.', "Put it in quotes.")
    return value


def _duration(record: Mapping[str, Any], where: str) -> float | None:
    value = record.get("duration_s")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_S:
        hint = "Give seconds, more than 0, or leave it out."
        raise ManifestError(f'{where}: "duration_s" is {untrusted.shown(value)}.', hint)
    return float(value)


def _is_field(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
