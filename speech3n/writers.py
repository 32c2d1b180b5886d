"""Transcripts as files: plain text, SRT, WebVTT, TSV and JSON, written whole or not at all."""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from speech3n.errors import StorageError, UsageError
from speech3n.serial import segment_record
from speech3n.subtitles import Cue, SubtitleOptions, lay_out
from speech3n.types import Transcript

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
    """The text of a file of one of FORMATS."""
    return _RENDERERS[format](transcript, options)


def write_transcript(
    transcript: Transcript, formats: Iterable[str], stem: Path, options: SubtitleOptions = _DEFAULT
) -> list[Path]:
    """Write `<stem>.<format>` for each format, and return the paths; raises StorageError, leaving no half file."""
    paths = []
    for format_ in formats:
        path = stem.with_name(f"{stem.name}.{format_}")
        write_atomically(path, render(transcript, format_, options))
        paths.append(path)
    return paths


def write_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file so that there is either the old one or the whole new one; raises StorageError."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StorageError(
            f"'{path}' cannot be written: {error.strerror or error}.", "Choose another folder with --output-dir."
        ) from error


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _txt(transcript: Transcript, options: SubtitleOptions) -> str:
    lines = []
    for segment in transcript.segments:
        if options.content == "source" or segment.translation is None:
            lines.append(segment.text)
        elif options.content == "translation":
            lines.append(segment.translation)
        else:
            lines += [segment.text, segment.translation, ""]
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
    rows = ["start\tend\ttext\n"]
    for segment in transcript.segments:
        text = segment.translation if options.content == "translation" and segment.translation else segment.text
        rows.append(f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{' '.join(text.split())}\n")
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
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


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
