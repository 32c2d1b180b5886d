"""The clips that `speech3n finetune` is given: manifests as for `speech3n eval run`, checked for training."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langcodes.language_lists import CLDR_LANGUAGES

from speech3n.audio.source import FileSource
from speech3n.errors import AudioError, UsageError
from speech3n.languages import parse_language
from speech3n.training.data.manifest import ManifestEntry, ManifestError, read_manifest
from speech3n.training.data.shards import ShardClip
from speech3n.types import SAMPLE_RATE, Waveform

_CODES = frozenset(code for code in CLDR_LANGUAGES if len(code) == 2)
_SHORTEST_S, _LONGEST_S = 0.3, 40.0
_LINE = 'Each line is {"audio": "clip.wav", "language": "es", "text": "Hola.", "translation_en": "Hello."}.'


@dataclass(frozen=True, slots=True)
class ListedClip:
    """A recording with what is said in it; `where` names file and line."""

    where: str
    audio: Path
    language: str
    text: str
    translation_en: str | None


def read_clips(path: Path, languages: Collection[str] | None) -> list[ListedClip]:
    """The clips of a manifest in languages that a model knows, by ISO 639-1 code (None: any); no audio is opened.

    Raises ManifestError with file and line: for what describes no clip, a language that is unknown or not among
    `languages`, a text without words, audio that is not there.
    """
    clips = [_clip(entry, languages) for entry in read_manifest(path)]
    if not clips:
        raise ManifestError(f"'{path}' lists no clips.", _LINE)
    return clips


def require_language(where: str, language: str, languages: Collection[str] | None) -> None:
    """Raise ManifestError where a model does not know the language of a clip; None is a model that knows any."""
    if languages is not None and language not in languages:
        raise ManifestError(
            f"{where}: the model does not know the language '{language}'.",
            f"It knows {', '.join(sorted(languages))}: leave the clip out, or fine-tune a Gemma 3n, which knows any.",
        )


def load_waveforms(clips: Sequence[ListedClip]) -> Iterator[tuple[ShardClip, Waveform]]:
    """Each clip with its waveform [T]; raises ManifestError for audio that can't be read, is too short or too long."""
    for clip in clips:
        waveform = _waveform(clip)
        seconds = len(waveform) / SAMPLE_RATE
        if not _SHORTEST_S <= seconds <= _LONGEST_S:
            raise ManifestError(
                f"{clip.where}: '{clip.audio}' has {seconds:.1f} s of sound.",
                f"Clips have {_SHORTEST_S} to {_LONGEST_S:.0f} s, best one sentence: cut it, or leave it out.",
            )
        yield ShardClip(0.0, seconds, clip.language, clip.text, clip.translation_en, "", str(clip.audio)), waveform


def _clip(entry: ManifestEntry, languages: Collection[str] | None) -> ListedClip:
    try:
        language = parse_language(entry.language, _CODES)
    except UsageError as error:
        raise ManifestError(f"{entry.where}: {error.message}", error.hint) from error
    if language is None:
        raise ManifestError(f"{entry.where}: the language is not named.", _LINE)
    require_language(entry.where, language, languages)
    if not any(letter.isalnum() for letter in entry.text):
        raise ManifestError(f"{entry.where}: the text has no words.", "Leave out clips in which nobody speaks.")
    if not entry.audio.is_file():
        message = f"{entry.where}: there is no audio file '{entry.audio}'."
        raise ManifestError(message, "Paths count from the manifest's folder.")
    return ListedClip(entry.where, entry.audio, language, entry.text, entry.translation_en)


def _waveform(clip: ListedClip) -> Waveform:
    try:
        source = FileSource(clip.audio)
        try:
            return np.concatenate([np.zeros(0, np.float32), *source.frames()])
        finally:
            source.close()
    except AudioError as error:
        raise ManifestError(f"{clip.where}: {error.message}", error.hint) from error
