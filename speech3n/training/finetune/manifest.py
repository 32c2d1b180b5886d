"""The lists of clips that `speech3n finetune` takes, in the format of `speech3n eval run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from langcodes.language_lists import CLDR_LANGUAGES

from speech3n.audio.source import FileSource
from speech3n.errors import AudioError, UsageError
from speech3n.languages import parse_language
from speech3n.training.data.shards import Line
from speech3n.training.memorise.passages import ManifestError
from speech3n.types import SAMPLE_RATE, Waveform

_CODES = frozenset(code for code in CLDR_LANGUAGES if len(code) == 2)
_SHORTEST_S, _LONGEST_S = 0.3, 40.0
_LINE = 'Each line is {"audio": "clip.wav", "language": "es", "text": "Hola.", "translation_en": "Hello."}.'


class _Record(msgspec.Struct, frozen=True):
    """A line as it stands; what else it has (speaker, source, licence) is not looked at."""

    audio: str
    language: str
    text: str
    translation_en: str | None = None


@dataclass(frozen=True, slots=True)
class ListedClip:
    """A recording with what is said in it; `where` names file and line."""

    where: str
    audio: Path
    language: str
    text: str
    translation_en: str | None


def read_manifest(path: Path) -> list[ListedClip]:
    """The clips of a JSONL manifest, whose audio paths count from its folder; no audio is opened.

    Raises ManifestError with file and line: for what is no JSON object with `audio`, `language` and `text`, an unknown
    language, a text without words, audio that is not there.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ManifestError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from error
    clips = [_clip(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not clips:
        raise ManifestError(f"'{path}' lists no clips.", _LINE)
    return clips


def sounds(clips: Sequence[ListedClip]) -> Iterator[tuple[Line, Waveform]]:
    """Each clip with its sound [T], mono at 16 kHz; raises ManifestError for what can't be heard or is too long."""
    for clip in clips:
        waveform = _sound(clip)
        seconds = len(waveform) / SAMPLE_RATE
        if not _SHORTEST_S <= seconds <= _LONGEST_S:
            raise ManifestError(
                f"{clip.where}: '{clip.audio}' has {seconds:.1f} s of sound.",
                f"Clips have {_SHORTEST_S} to {_LONGEST_S:.0f} s, best one sentence: cut it, or leave it out.",
            )
        yield Line(0.0, seconds, clip.language, clip.text, clip.translation_en, "", str(clip.audio)), waveform


def _clip(path: Path, number: int, line: bytes) -> ListedClip:
    where = f"'{path}', line {number}"
    try:
        record = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"), type=_Record)
        language = parse_language(record.language, _CODES)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ManifestError(f"{where}: {error}.", _LINE) from error
    except UsageError as error:
        raise ManifestError(f"{where}: {error.message}", error.hint) from error
    if language is None:
        raise ManifestError(f"{where}: the language is not named.", _LINE)
    if not any(letter.isalnum() for letter in record.text):
        raise ManifestError(f"{where}: the text has no words.", "Leave out clips in which nobody speaks.")
    audio = path.parent / record.audio
    if not audio.is_file():
        raise ManifestError(f"{where}: there is no audio file '{audio}'.", "Paths count from the manifest's folder.")
    return ListedClip(where, audio, language, record.text, record.translation_en or None)


def _sound(clip: ListedClip) -> Waveform:
    try:
        source = FileSource(clip.audio)
        try:
            return np.concatenate([np.zeros(0, np.float32), *source.frames()])
        finally:
            source.close()
    except AudioError as error:
        raise ManifestError(f"{clip.where}: {error.message}", error.hint) from error
