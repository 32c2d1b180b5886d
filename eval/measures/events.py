"""The events of a session in a file: as `live --jsonl`, journals and the benchmark write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from speech3n.errors import StorageError
from speech3n.journal.events import SegmentRecord, event_record
from speech3n.runtime.untrusted import BYTE_ORDER_MARK, Number, Seconds, Text, Unreadable, convert, parse, read_bytes
from speech3n.types import End, Event, Segment, Status, Update, Word

_LARGEST_FILE = 1_000_000_000
"""Bytes of events; a day of captions has a few hundred million at most."""
_Measure = Annotated[float, msgspec.Meta(ge=-1e8, le=1e8)]
"""Some are below zero: levels, and a lag where a clock was set back."""


class _UpdateRecord(msgspec.Struct):
    segment: Number
    committed: Text
    tentative: Text
    audio_s: Seconds
    elapsed_s: Seconds
    translation_committed: Text = ""
    translation_tentative: Text = ""

    def event(self) -> Update:
        return Update(
            committed=_words(self.committed),
            tentative=_words(self.tentative),
            translation_committed=tuple(self.translation_committed.split()),
            translation_tentative=tuple(self.translation_tentative.split()),
            segment=self.segment,
            audio_s=self.audio_s,
            elapsed_s=self.elapsed_s,
        )


class _StatusRecord(msgspec.Struct):
    audio_s: Seconds
    lag_s: _Measure
    elapsed_s: Seconds
    rtf: _Measure
    level_db: _Measure
    is_speech: bool
    dropped_s: Seconds

    def event(self) -> Status:
        return Status(**msgspec.structs.asdict(self))


class _EndRecord(msgspec.Struct):
    audio_s: Seconds
    elapsed_s: Seconds
    dropped_s: Seconds

    def event(self) -> End:
        return End(self.audio_s, self.elapsed_s, self.dropped_s)


def write_events(path: Path, events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on and log them as JSON lines on the way, `status` lines among them."""
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            record = record_of(event)
            if record is not None:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            yield event


def read_events(path: Path) -> list[Event]:
    """Read updates, final segments, status and end of a session from a log of any of the three kinds.

    `path` is the log, or the folder of a saved session. Words of updates carry no times; where the language writes
    no spaces, all that is committed, or tentative, is one word. A last line that breaks off, as a killed session
    leaves it, is left out. Raises StorageError with the number of a line that can't be read.
    """
    log = path / "events.jsonl" if path.is_dir() else path
    try:
        lines = read_bytes(log, _LARGEST_FILE).removeprefix(BYTE_ORDER_MARK).split(b"\n")
    except (FileNotFoundError, Unreadable) as error:
        reason = error.strerror if isinstance(error, FileNotFoundError) else error
        raise StorageError(f"Cannot read {log}: {reason}.", "Give a session log or a session folder.") from error
    if _is_torn(lines[-1]):
        lines.pop()
    events = [_read_line(log, number, line) for number, line in enumerate(lines, start=1)]
    return _with_languages([event for event in events if event is not None])


def record_of(event: Event) -> dict[str, Any] | None:
    """The JSON object of an event, a status among them; None for events that no log holds."""
    return _status_record(event) if isinstance(event, Status) else event_record(event)


def parse_records(records: Iterable[dict[str, Any]]) -> list[Event]:
    """The events of JSON objects, as `read_events` reads them from a file; raises Unreadable."""
    events = [_parse(record) for record in records]
    return _with_languages([event for event in events if event is not None])


def final_segments(events: Iterable[Event]) -> list[Segment]:
    """The segments that became final, in order."""
    return [event for event in events if isinstance(event, Segment) and event.is_final]


def _is_torn(line: bytes) -> bool:
    """Whether what follows the last line break is the beginning of an object."""
    try:
        parse(line, dict)
    except Unreadable:
        return True
    return False


def _read_line(path: Path, number: int, line: bytes) -> Event | None:
    try:
        return _parse(parse(line, dict))
    except Unreadable as error:
        raise StorageError(f"{path}, line {number}: not an event ({error}).", "Give a session log.") from error


def _with_languages(events: Sequence[Event]) -> list[Event]:
    """The events with the languages of their segments in the updates, which the log gives only once."""
    segments = {event.id: event for event in events if isinstance(event, Segment)}
    return [
        replace(event, language=segment.language, target_language=segment.target_language or event.target_language)
        if isinstance(event, Update) and (segment := segments.get(event.segment)) is not None
        else event
        for event in events
    ]


def _parse(record: dict[str, Any]) -> Event | None:
    match record.get("type"):
        case "update":
            return convert(record, _UpdateRecord).event()
        case "segment":
            return convert(record, SegmentRecord).segment()
        case "status":
            return convert(record, _StatusRecord).event()
        case "end":
            return convert(record, _EndRecord).event()
        case str():
            return None
        case _:
            raise Unreadable("it has no type")


def _status_record(status: Status) -> dict[str, Any]:
    return {
        "type": "status",
        "audio_s": round(status.audio_s, 3),
        "lag_s": round(status.lag_s, 3),
        "elapsed_s": round(status.elapsed_s, 3),
        "rtf": round(status.rtf, 4),
        "level_db": round(status.level_db, 1),
        "is_speech": status.is_speech,
        "dropped_s": round(status.dropped_s, 3),
    }


def _words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, 0.0, 0.0, 0.0) for word in text.split())
