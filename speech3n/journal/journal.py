"""What a live session leaves on disk while it runs, so that nothing recorded or recognised is lost.

A session folder holds `session.json` (what it was), `audio-*.wav` (its sound) and `events.jsonl` (what was
recognised, a JSON object a line with a checksum). All three are append-only and go to the operating system at once: a
killed process loses at most the 160 ms it was writing. Each segment is seen to the disk when it is written, sound
within about a second: that is what a power cut can take. Only the owner may read them.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from speech3n.errors import StorageError
from speech3n.journal.events import Record, event_record, word_record
from speech3n.journal.private_files import create_private, make_private_folder, sync_folder
from speech3n.journal.recording import Recording
from speech3n.journal.sealed_lines import seal
from speech3n.types import End, Event, Gap, Notice, Segment, Update

SESSION_FILE = "session.json"
EVENTS_FILE = "events.jsonl"


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

    def __init__(self, folder: Path, events: int, *, owns_folder: bool) -> None:
        self.folder = folder
        self.recording = Recording(folder)
        self._events = events
        """The descriptor of the file of events."""
        self._owns_folder = owns_folder
        self._lock = threading.Lock()
        self._unwritten = bytearray()
        """Held while the file of events is written or closed."""
        self._is_failing = self._is_removed = self._is_closed = False
        self._committed: tuple[int, int] = (0, 0)
        """A segment and how many of its committed words are written."""

    @classmethod
    def create(cls, folder: Path | None, header: SessionHeader) -> Journal:
        """Begin a journal in `folder`, which is made where it is missing and must be empty; None for a new one.

        A new one is among the user's data or where SPEECH3N_SESSIONS_DIR says. Raises StorageError.
        """
        owns_folder = folder is None
        if folder is None:
            folder = _new_folder()
        try:
            owns_folder |= make_private_folder(folder)
            if not owns_folder and any(folder.iterdir()):
                what = "holds another session" if (folder / SESSION_FILE).exists() else "is not empty"
                raise StorageError(f"'{folder}' {what}.", "Give a new folder with --save.")
            session = create_private(folder / SESSION_FILE)
            try:
                os.write(session, (json.dumps(asdict(header), ensure_ascii=False, indent=1) + "\n").encode())
                os.fsync(session)
            finally:
                os.close(session)
            journal = cls(folder, create_private(folder / EVENTS_FILE), owns_folder=owns_folder)
            journal._write({"type": "session", **asdict(header)}, is_lasting=True)
            sync_folder(folder)
        except OSError as error:
            raise StorageError(
                f"The session folder '{folder}' cannot be written: {error.strerror or error}.",
                "Choose another folder with --save DIR.",
            ) from error
        return journal

    @property
    def is_whole(self) -> bool:
        """Whether all that was recorded with `record` is in the file."""
        return not self._unwritten and not self._is_removed

    def record(self, event: Event) -> Notice | None:
        """Append an event; a Notice where the disk takes no more, or takes some again, or the folder is gone.

        What the disk does not take is kept in memory and tried again with the next event, and with `close`; what comes
        after that is not kept.
        """
        record = event_record(event)
        if record is None:
            return None
        with self._lock:
            return None if self._is_closed else self._append(event, record)

    def _append(self, event: Event, record: Record) -> Notice | None:
        if isinstance(event, Update):
            record["words"] = [word_record(word) for word in event.committed[self._written_words(event) :]]
            self._committed = event.segment, len(event.committed)
        was_failing, was_removed = self._is_failing, self._is_removed
        try:
            self._write(record, is_lasting=isinstance(event, Segment | Gap | End))
        except OSError as error:
            self._is_failing = True
            return None if was_failing else self._stopped(error)
        self._is_failing = False
        if self._is_removed and not was_removed:
            hint = "The transcript will still be written there at the end."
            return Notice(f"The session's folder '{self.folder}' was removed while it was in use.", hint, "error")
        return Notice("The session's events are written again.", "", "information") if was_failing else None

    def discard(self) -> None:
        """Remove what this journal wrote, of a session without any sound."""
        with self._lock:
            self._end()
        self.recording.delete()
        for name in (SESSION_FILE, EVENTS_FILE):
            (self.folder / name).unlink(missing_ok=True)
        if self._owns_folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def close(self, *, keep_audio: bool = True) -> None:
        """End the journal, deleting the sound unless `keep_audio`; a second time nothing more is written.

        Raises StorageError where the disk is still full.
        """
        try:
            with self._lock:
                if self._is_closed:
                    return
                try:
                    self._write(None, is_lasting=True)
                finally:
                    self._end()
        except OSError as error:
            notice = self._stopped(error)
            raise StorageError(notice.message, notice.hint) from error
        finally:
            if keep_audio:
                self.recording.close()
            else:
                self.recording.delete()

    def _end(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            os.close(self._events)

    def _written_words(self, update: Update) -> int:
        segment, count = self._committed
        return count if segment == update.segment else 0

    def _write(self, record: Record | None, *, is_lasting: bool) -> None:
        if record is not None:
            self._unwritten += seal(record)
        del self._unwritten[: os.write(self._events, self._unwritten)]
        if self._unwritten:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if is_lasting:
            os.fsync(self._events)
        self._is_removed = os.fstat(self._events).st_nlink == 0

    def _stopped(self, error: OSError) -> Notice:
        return Notice(
            f"The session's events could not be written to '{self.folder}': {error.strerror or error}.",
            "Free some disk space: they are kept in memory until then.",
            "error",
        )


def _new_folder() -> Path:
    """A new folder for a session that begins now; raises StorageError."""
    from platformdirs import user_data_path

    configured = os.environ.get("SPEECH3N_SESSIONS_DIR")
    base = Path(configured) if configured else user_data_path("speech3n") / "sessions"
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folders = (base / (name if attempt == 1 else f"{name}-{attempt}") for attempt in itertools.count(1))
    try:
        # Made at once: another session may begin in the same second.
        return next(folder for folder in folders if make_private_folder(folder))
    except OSError as error:
        raise StorageError(
            f"No session can be kept in '{base}': {error.strerror or error}.", "Give another folder with --save DIR."
        ) from error
