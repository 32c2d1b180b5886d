"""Transcripts as files: plain text, SRT, WebVTT, TSV and JSON, written whole or not at all."""

from __future__ import annotations

import difflib
import errno
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from speech3n.errors import StorageError, UsageError
from speech3n.formats.subtitles import Cue, SubtitleOptions, lay_out
from speech3n.journal.events import segment_record
from speech3n.types import Segment, Transcript

_DEFAULT = SubtitleOptions()


def parse_formats(text: str) -> tuple[str, ...]:
    """Formats from a list such as `srt,json`, without repeats; raises UsageError for one that there is not."""
    names = tuple(dict.fromkeys(name.strip().lower().lstrip(".") for name in text.split(",") if name.strip()))
    for name in names:
        if name not in FORMATS:
            near = difflib.get_close_matches(name, FORMATS, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(FORMATS)}."
            raise UsageError(f"Unknown format '{name}'.", hint)
    if not names:
        raise UsageError("No format was given.", f"There are {', '.join(FORMATS)}.")
    return names


def render(transcript: Transcript, format: str, options: SubtitleOptions = _DEFAULT) -> str:
    """The text of a file of one of FORMATS; raises UsageError for another one."""
    (name,) = parse_formats(format)
    return _RENDERERS[name](transcript, options)


def write_transcript(
    transcript: Transcript,
    formats: Iterable[str],
    stem: Path,
    options: SubtitleOptions = _DEFAULT,
    *,
    private: bool = False,
) -> list[Path]:
    """Write `<stem>.<format>` for each format, and return the paths; `private` ones only their owner may read.

    Raises StorageError, leaving no half file.
    """
    paths = []
    for format_ in formats:
        # Not with_suffix: `talk.v2` and `talk.v3` would both become `talk.srt`.
        path = stem.with_name(f"{stem.name}.{format_}")
        _write_atomically(path, render(transcript, format_, options), private=private)
        paths.append(path)
    return paths


def rescue_transcript(
    transcript: Transcript, formats: Iterable[str], name: str, options: SubtitleOptions = _DEFAULT
) -> list[Path]:
    """Write files that cannot be where they belong to a new folder among the temporary ones, for their owner alone.

    Returns the paths; raises StorageError where there is no room either.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="speech3n-"))
    except OSError as error:
        raise StorageError(f"No temporary folder can be made: {error.strerror or error}.", "Make room.") from error
    return write_transcript(transcript, formats, folder / name, options, private=True)


def _write_atomically(path: Path, text: str, *, private: bool) -> None:
    """Write a UTF-8 file so that there is either the old one or the whole new one; raises StorageError."""
    temporary = path.with_name(f".speech3n-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            mode = 0o600 if private else 0o666
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                # File names may hold bytes that are no UTF-8; written like this they are still valid JSON.
                file.write(text.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"'{path}' cannot be written: {reason}.", _storage_hint(error)) from error


def _storage_hint(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Free some space, or choose a folder on another disk with --output-dir."
    return "Choose a folder that you may write to with --output-dir."


def _txt(transcript: Transcript, options: SubtitleOptions) -> str:
    lines = []
    for segment in transcript.segments:
        text, translation = _shown(segment, options)
        lines += [text] if translation is None else [text, translation, ""]
    return "".join(f"{line}\n" for line in lines)


def _srt(transcript: Transcript, options: SubtitleOptions) -> str:
    cues = lay_out(transcript, options)
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_cue_text(cue)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def _vtt(transcript: Transcript, options: SubtitleOptions) -> str:
    cues = lay_out(transcript, options)
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_text(cue)}\n\n" for cue in cues
    )


def _tsv(transcript: Transcript, options: SubtitleOptions) -> str:
    """Whisper's columns, times in milliseconds; a fourth one holds the translation where both are shown."""
    is_both = options.content == "both"
    rows = ["start\tend\ttext\ttranslation\n" if is_both else "start\tend\ttext\n"]
    for segment in transcript.segments:
        text, translation = _shown(segment, options)
        cells = [str(round(1000 * segment.start)), str(round(1000 * segment.end)), text]
        rows.append("\t".join([*cells, translation or ""] if is_both else cells) + "\n")
    return "".join(rows)


def _json(transcript: Transcript, options: SubtitleOptions) -> str:
    record = {
        "audio": transcript.audio,
        "duration_s": round(transcript.duration_s, 3),
        "language": transcript.language,
        "model": transcript.model,
        "task": transcript.task,
        "segments": [segment_record(segment) for segment in transcript.segments],
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _shown(segment: Segment, options: SubtitleOptions) -> tuple[str, str | None]:
    """The text of a segment on one line and what goes with it: the translation where both are shown."""
    text = " ".join(segment.text.split())
    if options.content == "source" or segment.translation is None:
        return text, None
    translation = " ".join(segment.translation.split())
    return (translation, None) if options.content == "translation" else (text, translation)


def _cue_text(cue: Cue) -> str:
    return "\n".join([*cue.lines, *cue.translation]).replace("-->", "→")


def _vtt_text(cue: Cue) -> str:
    def escaped(line: str) -> str:
        return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    return "\n".join([*map(escaped, cue.lines), *(f"<i>{escaped(line)}</i>" for line in cue.translation)])


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


_RENDERERS: dict[str, Callable[[Transcript, SubtitleOptions], str]] = {
    "txt": _txt,
    "srt": _srt,
    "vtt": _vtt,
    "tsv": _tsv,
    "json": _json,
}
FORMATS = tuple(_RENDERERS)
"""Formats that a transcript can be written in."""
