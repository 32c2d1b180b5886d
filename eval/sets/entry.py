"""Lines of a set on their way to clips: which are wanted, where their audio is, how long it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from speech3n.errors import AudioError
from speech3n.eval.sets.clip import Clip
from speech3n.training.data.manifest import ManifestError
from speech3n.types import SAMPLE_RATE

_CODES = {"cmn": "zh", "nb": "no", "fil": "tl"}
"""Codes of sets for which recognisers have others: Mandarin, Norwegian Bokmål, Filipino."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that describes a clip, before its audio was looked at.

    `where` names file and line, `audio` the places where the recording may be; `duration_s` is None or 0
    where the set does not tell it. The others are those of `Clip`.
    """

    where: str
    audio: tuple[Path, ...]
    audio_hint: str
    language: str
    text: str
    duration_s: float | None = None
    translation_en: str | None = None
    source: str = ""
    speaker: str = ""
    license: str = ""
    reference: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def clip_of(entry: Entry) -> Clip:
    """Find the audio of an entry and, where the set does not tell its length, ask the file; raises ManifestError."""
    audio = next((path for path in entry.audio if _is_file(path)), None)
    if audio is None:
        raise ManifestError(f"{entry.where}: no audio file {entry.audio[0]}.", entry.audio_hint)
    try:
        duration_s = entry.duration_s or file_duration_s(audio)
    except AudioError as error:
        raise ManifestError(f"{entry.where}: {error.message}", error.hint) from error
    return Clip(
        audio=audio,
        language=entry.language,
        text=entry.text,
        duration_s=duration_s,
        translation_en=entry.translation_en,
        source=entry.source,
        speaker=entry.speaker,
        license=entry.license,
        reference=entry.reference,
        fields=entry.fields,
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A name that is too long, or a folder above that may not be looked into.
        return False


def file_duration_s(path: Path) -> float:
    """Seconds that the header of a file announces; it is decoded only where it announces nothing. Raises AudioError."""
    from speech3n.audio.source import FileSource

    with closing(FileSource(path)) as source:
        return source.duration_s or sum(map(len, source.frames())) / SAMPLE_RATE


def language_code(tag: str) -> str:
    """The code that recognisers have for a set's language: `pt` for pt_br, `sv` for sv-SE, `zh` for cmn_hans_cn."""
    code = re.split("[-_]", tag.strip().lower())[0]
    return _CODES.get(code, code)
