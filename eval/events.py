"""The events of a session in a file: as `live --jsonl`, journals and the benchmark write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from speech3n.errors import StorageError
from speech3n.serial import event_record, parse_segment
from speech3n.types import End, Event, Segment, Status, Update, Word


def write_events(path: Path, events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on and log them as JSON lines on the way, `status` lines among them."""
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            record = _status_record(event) if isinstance(event, Status) else event_record(event)
            if record is not None:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            yield event


def read_events(path: Path) -> list[Event]:
    """Read updates, final segments, status and end of a session from a log of any of the three kinds.

    Words of updates carry no times. Raises StorageError with the number of a line that can't be read.
    """
    events: list[Event] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            event = _parse(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{path}, line {number}: not an event ({error}).", "Give a session log.") from error
        if event is not None:
            events.append(event)
    return events


def final_segments(events: Iterable[Event]) -> list[Segment]:
    """The segments that became final, in order."""
    return [event for event in events if isinstance(event, Segment) and event.is_final]


def _parse(record: dict[str, Any]) -> Event | None:
    match record["type"]:
        case "update":
            return Update(
                committed=_words(record["committed"]),
                tentative=_words(record["tentative"]),
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
