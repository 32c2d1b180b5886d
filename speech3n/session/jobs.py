"""Transcription of files: which ones, where their transcripts go, and the same road as live captions, unclocked."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from speech3n.audio.source import AudioSource
from speech3n.engines.base import Engine
from speech3n.errors import Speech3nError, UsageError
from speech3n.session.feed import open_feed
from speech3n.session.options import SessionOptions
from speech3n.session.session import Session
from speech3n.session.transcript import TranscriptBuilder
from speech3n.types import Transcript

AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("aac", "ac3", "aif", "aiff", "amr", "au", "caf", "flac", "m4a", "m4b", "mka", "mp2", "mp3"),
        *("oga", "ogg", "opus", "wav", "weba", "wma"),
        *("3gp", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ts", "webm", "wmv"),
    )
)
"""What is picked out of a folder; a file that is named is tried whatever its suffix."""


@dataclass(frozen=True, slots=True)
class Job:
    """An input and the path, without suffix, that its transcripts get."""

    path: Path
    stem: Path


class Interrupted(Exception):
    """A file that could not be heard to its end; `transcript` is what was recognised until then."""

    def __init__(self, transcript: Transcript, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.transcript = transcript
        self.cause = cause


def find_jobs(inputs: Iterable[str], output_dir: Path | None) -> list[Job]:
    """Inputs from files, folders (searched below) and glob patterns, in order and without repeats.

    Transcripts go beside their inputs or to `output_dir`, where the structure of a folder is kept. Two inputs of
    one name get transcripts with the whole file name. Raises UsageError for a folder or pattern that holds nothing.
    """
    found: dict[Path, Path] = {}
    for text in inputs:
        for path, relative in _expand(text):
            found.setdefault(path, (output_dir / relative) if output_dir else path)
    stems = Counter(target.with_suffix("") for target in found.values())
    return [
        Job(path, target if stems[target.with_suffix("")] > 1 else target.with_suffix(""))
        for path, target in found.items()
    ]


def _expand(text: str) -> list[tuple[Path, Path]]:
    """The files behind one argument, each with its path relative to what was named."""
    path = Path(text)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file())
        if not files:
            raise UsageError(f"The folder '{path}' holds no audio or video.")
        return [(file, file.relative_to(path)) for file in files]
    if glob.has_magic(text) and not path.exists():
        files = sorted(Path(match) for match in glob.iglob(text, recursive=True) if Path(match).is_file())  # noqa: PTH207 (patterns may be absolute)
        if not files:
            raise UsageError(f"Nothing matches '{text}'.")
        return [(file, Path(file.name)) for file in files]
    return [(path, Path(path.name))]


def transcribe_source(
    engine: Engine, source: AudioSource, options: SessionOptions, on_progress: Callable[[float], None] = lambda _: None
) -> Transcript:
    """Recognise a source from beginning to end; `on_progress` gets the seconds heard so far.

    Raises Interrupted, with what was recognised until then, where the source fails or the user interrupts.
    """
    builder = TranscriptBuilder(source.name, engine.info.name)

    def transcript() -> Transcript:
        return builder.build(options.language, translate=options.translate)

    try:
        for event in Session(engine, options).run(open_feed(source)):
            builder.add(event)
            on_progress(builder.duration_s)
    except (Speech3nError, KeyboardInterrupt) as error:
        raise Interrupted(transcript(), error) from error
    finally:
        source.close()
    return transcript()
