"""What a live session leaves on disk while it runs, so that nothing recorded or recognised is lost.

A session folder holds `session.json` (what it was), `audio-*.wav` (its sound) and `events.jsonl` (what was
recognised, a JSON object a line). All three are append-only and go to the operating system at once: a
killed process loses at most the line or the 160 ms it was writing.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from speech3n.errors import StorageError
from speech3n.journal.events import Record, event_record, parse_segment
from speech3n.journal.recording import Recording
from speech3n.types import Event, Segment

_SESSION = "session.json"
_EVENTS = "events.jsonl"


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """What a session was asked to do."""

    source: str
    model: str
    language: str | None = None
    translate: bool = False
    started_at: str = ""
    target_language: str = "en"


class Journal:
    """The folder of one running session; `recording` takes the sound, `record` takes the events."""

    def __init__(self, folder: Path, recording: Recording, events: IO[bytes]) -> None:
        self.folder = folder
        self.recording = recording
        self._events = events
        self._lock = threading.Lock()

    @classmethod
    def create(cls, folder: Path, header: SessionHeader) -> Journal:
        """Begin a journal in `folder`, which is made where it is missing and must hold no other session.

        Raises StorageError.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / _SESSION).exists():
                raise StorageError(f"'{folder}' holds another session.", "Give a new folder with --save.")
            (folder / _SESSION).write_text(json.dumps(asdict(header), ensure_ascii=False, indent=1) + "\n", "utf-8")
            events = (folder / _EVENTS).open("ab", buffering=0)
        except OSError as error:
            raise StorageError(
                f"The session folder '{folder}' cannot be written: {error.strerror or error}.",
                "Choose another folder with --save DIR.",
            ) from error
        return cls(folder, Recording(folder), events)

    def record(self, event: Event) -> None:
        """Append an event; raises StorageError where the disk takes no more."""
        record = event_record(event)
        if record is None:
            return
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        try:
            with self._lock:
                written = self._events.write(line)
            if written != len(line):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise StorageError(
                f"The session's events could not be written to '{self.folder}': {error.strerror or error}.",
                "Free some disk space; save the text under another name before you quit.",
            ) from error

    def discard(self) -> None:
        """Remove the journal of a session without any sound; the folder stays if it holds anything else."""
        self._events.close()
        self.recording.delete()
        for name in (_SESSION, _EVENTS):
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def close(self, *, keep_audio: bool = True) -> None:
        """End the journal, deleting the sound unless `keep_audio`."""
        self._events.close()
        if keep_audio:
            self.recording.close()
        else:
            self.recording.delete()


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session as its folder tells it, finished or killed."""

    folder: Path
    header: SessionHeader
    segments: tuple[Segment, ...]
    gaps: tuple[tuple[float, float], ...]
    """Stretches (start, end) in seconds that were recorded and skipped."""
    ended: bool
    """Whether the session came to its end, rather than being killed."""
    unfinished: Segment | None = None
    """The committed text of an utterance that was cut off, with the end of the last segment as its start."""

    @classmethod
    def load(cls, folder: Path) -> SavedSession:
        """Read a session folder; raises StorageError where it is none."""
        try:
            header = SessionHeader(**json.loads((folder / _SESSION).read_text("utf-8")))
            lines = (folder / _EVENTS).read_bytes().split(b"\n")
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(
                f"'{folder}' is not a session folder: {error}.", f"It should hold {_SESSION} and {_EVENTS}."
            ) from error
        records = [record for line in lines if (record := _parse(line)) is not None]
        segments = {record["id"]: parse_segment(record) for record in records if _is_segment(record)}
        ended = any(record.get("type") == "end" for record in records)
        last_s = max((segment.end for segment in segments.values()), default=0.0)
        unfinished = None if ended else _unfinished(records, last_s, header.target_language)
        gaps = tuple((float(r["start"]), float(r["end"])) for r in records if r.get("type") == "gap")
        return cls(folder, header, tuple(segments.values()), gaps, ended, unfinished)

    @property
    def recording(self) -> Recording:
        """The sound of the session."""
        return Recording(self.folder)


def new_session_folder() -> Path:
    """A folder name for a session that begins now, in the user's data folder or SPEECH3N_SESSIONS_DIR."""
    from platformdirs import user_data_path

    configured = os.environ.get("SPEECH3N_SESSIONS_DIR")
    base = Path(configured) if configured else user_data_path("speech3n") / "sessions"
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names = (name if attempt == 1 else f"{name}-{attempt}" for attempt in itertools.count(1))
    return next(folder for folder in (base / name for name in names) if not folder.exists())


def _parse(line: bytes) -> Record | None:
    """A journal line, or None for a torn last line and for damage."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _unfinished(records: list[Record], start: float, target_language: str) -> Segment | None:
    """The committed text of the newest update, where its segment never became final."""
    final = {record.get("id") for record in records if record.get("type") == "segment"}
    updates = [record for record in records if record.get("type") == "update"]
    if not updates or not (text := str(updates[-1].get("committed", ""))) or updates[-1].get("segment") in final:
        return None
    update = updates[-1]
    translation = update.get("translation_committed") or None
    return Segment(
        id=int(update.get("segment", 0)),
        start=start,
        end=max(start, float(update.get("audio_s", start))),
        text=text,
        translation=translation,
        is_final=False,
        target_language=target_language if translation else None,
    )


def _is_segment(record: Record) -> bool:
    if record.get("type") != "segment":
        return False
    try:
        parse_segment(record)
    except (KeyError, TypeError, ValueError):
        return False
    return True
