"""Clips with reference texts: JSONL manifests, and clips joined into one recording with their times kept."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speech3n.errors import Speech3nError, StorageError
from speech3n.types import SAMPLE_RATE, Waveform

_SOUND_FRAME_S = 0.01
_SOUND_BELOW_PEAK_DB = 40.0
"""Frames quieter than this below the loudest frame of a clip count as the silence after its speech."""


class ManifestError(Speech3nError):
    """A manifest that is missing, or has a line that describes no clip; names the file and the line."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with what is said in it; `translation_en` is None where there is no English reference."""

    audio: Path
    language: str
    text: str
    duration_s: float
    translation_en: str | None = None
    source: str = ""
    speaker: str = ""
    license: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class JoinedClip:
    """Where a clip lies in a joined recording, in seconds.

    `sound_end` is the end of the last 10 ms that are louder than 40 dB below the loudest 10 ms of the
    clip: a word end that no recogniser had a hand in.
    """

    clip: Clip
    start: float
    end: float
    sound_end: float


@dataclass(frozen=True, slots=True)
class JoinedRecording:
    """Clips one after the other in one waveform, shape [T], with silence between and after them."""

    pcm: Waveform
    clips: tuple[JoinedClip, ...]

    @property
    def duration_s(self) -> float:
        """Length with all gaps."""
        return len(self.pcm) / SAMPLE_RATE


def load_manifest(path: Path, *, language: str | None = None, limit: int | None = None) -> list[Clip]:
    """Read a JSONL manifest, one clip a line, and check that the audio files are there.

    Relative audio paths count from the manifest's folder. `language` keeps one language, `limit` so many
    clips of each language. Raises ManifestError with file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error}.", "Give a UTF-8 JSONL file.") from error
    clips = [_parse_line(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not clips:
        raise ManifestError(f"{path} holds no clips.", 'Each line is {"audio", "language", "text", ...}.')
    kept = [clip for clip in clips if language in (None, clip.language)]
    return kept if limit is None else _first_of_each_language(kept, limit)


def languages(clips: Iterable[Clip]) -> list[str]:
    """The languages of the clips, in `language_order`."""
    return sorted({clip.language for clip in clips}, key=language_order)


def language_order(code: str) -> tuple[bool, str]:
    """A sort key: English first, the others by code."""
    return code != "en", code


def join_clips(clips: Sequence[Clip], gap_s: float) -> JoinedRecording:
    """Join clips into one recording, each followed by `gap_s` of digital silence.

    Raises AudioError where a clip can't be read.
    """
    gap = np.zeros(round(gap_s * SAMPLE_RATE), dtype=np.float32)
    pieces: list[Waveform] = []
    joined: list[JoinedClip] = []
    position = 0
    for clip in clips:
        pcm = read_audio(clip.audio)
        start = position / SAMPLE_RATE
        end = (position + len(pcm)) / SAMPLE_RATE
        joined.append(JoinedClip(clip, start, end, start + _sound_end(pcm)))
        pieces += [pcm, gap]
        position += len(pcm) + len(gap)
    pcm = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)
    return JoinedRecording(pcm, tuple(joined))


def read_audio(path: Path) -> Waveform:
    """All samples of an audio file, mono at 16 kHz, shape [T]; raises AudioError."""
    from speech3n.audio.source import FileSource

    source = FileSource(path)
    try:
        return np.concatenate([np.zeros(0, dtype=np.float32), *source.frames()])
    finally:
        source.close()


def write_wav(path: Path, pcm: Waveform) -> None:
    """Write mono 16 kHz samples as a 16-bit WAV file; raises StorageError."""
    samples = np.clip(np.rint(pcm * 32768.0), -32768, 32767).astype("<i2")
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", "Choose another folder.") from error


def _parse_line(path: Path, number: int, line: str) -> Clip:
    where = f"{path}, line {number}"
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON ({error.msg}).", "Each line is one JSON object.") from error
    if not isinstance(entry, dict):
        raise ManifestError(f"{where}: not a JSON object.", "Each line is one JSON object.")
    audio = path.parent / _text(entry, "audio", where)
    if not audio.is_file():
        raise ManifestError(f"{where}: no audio file {audio}.", "Paths count from the manifest's folder.")
    return Clip(
        audio=audio,
        language=_text(entry, "language", where),
        text=_text(entry, "text", where),
        duration_s=_duration(entry, where),
        translation_en=_text(entry, "translation_en", where) if entry.get("translation_en") else None,
        source=_text(entry, "source", where, ""),
        speaker=_text(entry, "speaker", where, ""),
        license=_text(entry, "license", where, ""),
        reference=_text(entry, "reference", where, ""),
    )


def _text(entry: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if value is None:
        raise ManifestError(f'{where}: "{key}" is missing.', "Needed: audio, language, text, duration_s.")
    if not isinstance(value, str):
        raise ManifestError(f'{where}: "{key}" is {json.dumps(value)}, not a text.', "Put it in quotes.")
    return value


def _duration(entry: Mapping[str, Any], where: str) -> float:
    value = entry.get("duration_s")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ManifestError(f'{where}: "duration_s" is {json.dumps(value)}.', "Give seconds, more than 0.")
    return float(value)


def _first_of_each_language(clips: Iterable[Clip], limit: int) -> list[Clip]:
    kept: list[Clip] = []
    seen: dict[str, int] = {}
    for clip in clips:
        seen[clip.language] = seen.get(clip.language, 0) + 1
        if seen[clip.language] <= limit:
            kept.append(clip)
    return kept


def _sound_end(pcm: Waveform) -> float:
    """Seconds to the end of the last frame that is not silence; the whole length where all is silent."""
    frame = round(_SOUND_FRAME_S * SAMPLE_RATE)
    whole = len(pcm) // frame * frame
    power = np.square(pcm[:whole].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    peak = power.max(initial=0.0)
    if peak <= 0.0:
        return len(pcm) / SAMPLE_RATE
    loud = np.flatnonzero(power > peak * 10 ** (-_SOUND_BELOW_PEAK_DB / 10))
    return float(loud[-1] + 1) * _SOUND_FRAME_S
