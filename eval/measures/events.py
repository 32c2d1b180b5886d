"""The events of a session in a file: as `live --jsonl`, journals and the benchmark write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speech3n.errors import StorageError
from speech3n.journal.events import event_record, parse_segment
from speech3n.types import End, Event, Segment, Status, Update, Word


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
        lines = log.read_bytes().split(b"\n")
    except OSError as error:
        raise StorageError(
            f"Cannot read {log}: {error.strerror}.", "Give a session log or a session folder."
        ) from error
    if _is_torn(lines[-1]):
        lines.pop()
    events = [_read_line(log, number, line) for number, line in enumerate(lines, start=1)]
    return _with_languages([event for event in events if event is not None])


def record_of(event: Event) -> dict[str, Any] | None:
    """The JSON object of an event, a status among them; None for events that no log holds."""
    return _status_record(event) if isinstance(event, Status) else event_record(event)


def parse_records(records: Iterable[dict[str, Any]]) -> list[Event]:
    """The events of JSON objects, as `read_events` reads them from a file; raises KeyError, TypeError, ValueError."""
    events = [_parse(record) for record in records]
    return _with_languages([event for event in events if event is not None])


def final_segments(events: Iterable[Event]) -> list[Segment]:
    """The segments that became final, in order."""
    return [event for event in events if isinstance(event, Segment) and event.is_final]


def _is_torn(line: bytes) -> bool:
    """Whether what follows the last line break is the beginning of an object."""
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _read_line(path: Path, number: int, line: bytes) -> Event | None:
    try:
        return _parse(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
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
    match record["type"]:
        case "update":
            return Update(
                committed=_words(record["committed"]),
                tentative=_words(record["tentative"]),
                translation_committed=tuple(record.get("translation_committed", "").split()),
                translation_tentative=tuple(record.get("translation_tentative", "").split()),
                segment=int(record["segment"]),
                audio_s=float(record["audio_s"]),
                elapsed_s=float(record["elapsed_s"]),
            )
        case "segment":
            return parse_segment(record)
        case "status":
            return Status(
                audio_s=float(record["audio_s"]),
                lag_s=float(record["lag_s"]),
                elapsed_s=float(record["elapsed_s"]),
                rtf=float(record["rtf"]),
                level_db=float(record["level_db"]),
                is_speech=bool(record["is_speech"]),
                dropped_s=float(record["dropped_s"]),
            )
        case "end":
            return End(float(record["audio_s"]), float(record["elapsed_s"]), float(record["dropped_s"]))
        case _:
            return None


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
