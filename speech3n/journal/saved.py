"""A session as its folder tells it, finished, killed or damaged: nothing in it is trusted, all of it is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from speech3n.errors import StorageError
from speech3n.journal.events import SegmentRecord, WordRecord
from speech3n.journal.journal import EVENTS_FILE, SESSION_FILE, SessionHeader
from speech3n.journal.recording import FILE_SAMPLES, Recording
from speech3n.journal.sealed_lines import unseal
from speech3n.runtime.untrusted import Number, Seconds, Text
from speech3n.types import SAMPLE_RATE, Segment, Word

_LARGEST_FILE = 1_000_000_000
"""Bytes of events; a day of captions has a few hundred million at most."""
_LARGEST_LOSS_S = 2.0
"""So much sound a power cut can take of what the events tell of."""
_TYPE = re.compile(rb'\{"type": "(\w+)"')

Kind = TypeVar("Kind", bound=msgspec.Struct)


class _Header(msgspec.Struct):
    """`session.json`, and the first line of the events."""

    source: Text
    model: Text
    language: Text | None = None
    translate: bool = False
    started_at: Text = ""
    target_language: Text = "en"

    def header(self) -> SessionHeader:
        return SessionHeader(**msgspec.structs.asdict(self))


class _Update(msgspec.Struct):
    """A step of the captions; `words` are those that it committed."""

    segment: Number
    committed: Text
    audio_s: Seconds
    translation_committed: Text = ""
    words: list[WordRecord] = []


class _Gap(msgspec.Struct):
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class SavedSession:
    """What is left of a session."""

    folder: Path
    header: SessionHeader
    segments: tuple[Segment, ...]
    gaps: tuple[tuple[float, float], ...]
    """Stretches (start, end) in seconds that were recorded and skipped."""
    ended: bool
    """Whether the session came to its end, rather than being killed."""
    unfinished: Segment | None = None
    """The committed words of an utterance that was cut off; what was said after its end is not recognised."""
    damage: tuple[str, ...] = ()
    """What of the folder is missing or unreadable, a sentence each."""
    lost_events: bool = False
    """Whether segments may be missing, wherever there is sound and no text."""

    @classmethod
    def load(cls, folder: Path) -> SavedSession:
        """Read a session folder; raises StorageError where it holds neither events nor sound."""
        damage: list[str] = []
        unsealed = _read_header(folder, damage)
        lines, lost_events = _read_events(folder, damage)
        recording = _recording(folder, damage)
        # Of the two, the one among the events has a checksum.
        header = next((found.header() for found in _all(_Header, "session", lines)), unsealed)
        if header is None and not lines and not recording.samples:
            raise StorageError(
                f"'{folder}' is not a session folder.", f"It should hold {SESSION_FILE} and {EVENTS_FILE}."
            )
        if header is None:
            header = SessionHeader(folder.name, "")
        segments = tuple({found.id: found.segment() for found in _all(SegmentRecord, "segment", lines)}.values())
        ended = any(kind == "end" for kind, _ in lines)
        unfinished = None if ended else _unfinished(lines, segments, header.target_language)
        lost_events |= _look_for_losses(lines, segments, recording.samples / SAMPLE_RATE, damage)
        gaps = tuple((gap.start, gap.end) for gap in _all(_Gap, "gap", lines) if gap.start < gap.end)
        return cls(folder, header, segments, gaps, ended, unfinished, tuple(damage), lost_events)

    @property
    def recording(self) -> Recording:
        """The sound of the session."""
        return Recording(self.folder)


def _look_for_losses(
    lines: Sequence[tuple[str, bytes]], segments: Sequence[Segment], recorded_s: float, damage: list[str]
) -> bool:
    """Say what the events tell of and is not there; whether segments are."""
    updates = _all(_Update, "update", lines)
    known = {segment.id for segment in segments}
    lost = {update.segment for update in updates if update.committed and update.segment not in known}
    if updates:
        lost.discard(updates[-1].segment)
    if lost:
        damage.append(f"{EVENTS_FILE} is damaged: {len(lost)} segment{'s are' if len(lost) > 1 else ' is'} missing.")
    looked_at_s = max((update.audio_s for update in updates), default=0.0)
    # After a clean end nobody needs the sound, which may have been discarded.
    has_ended = any(kind == "end" for kind, _ in lines)
    if not has_ended and recorded_s < looked_at_s - _LARGEST_LOSS_S:
        damage.append(
            f"Sound is missing: there was some until {looked_at_s:.0f} s, and there is until {recorded_s:.0f} s."
        )
    return bool(lost)


def _read_header(folder: Path, damage: list[str]) -> SessionHeader | None:
    content = _read(folder / SESSION_FILE, 1_000_000, damage)
    header = _decode(_Header, content) if content is not None else None
    if content is not None and header is None:
        damage.append(f"{SESSION_FILE} cannot be read.")
    return header.header() if header is not None else None


def _read_events(folder: Path, damage: list[str]) -> tuple[list[tuple[str, bytes]], bool]:
    """The type and the JSON object of each line that is whole, and whether any is lost."""
    content = _read(folder / EVENTS_FILE, _LARGEST_FILE, damage)
    if content is None:
        return [], True
    *whole, _ = content.split(b"\n")
    # What a kill broke off is no damage: whatever it was, its sound comes after the last whole line.
    found = [line if line is not None and _is_event(line) else None for line in unseal(whole)]
    lost = [number for number, line in enumerate(found, 1) if line is None]
    if not whole:
        damage.append(f"{EVENTS_FILE} is empty.")
    elif lost:
        lines = f"line {lost[0]}" if len(lost) == 1 else f"{len(lost)} lines"
        damage.append(f"{EVENTS_FILE} is damaged: {lines} cannot be read.")
    typed = [(_TYPE.match(line), line) for line in found if line is not None]
    return [(match[1].decode(), line) for match, line in typed if match], bool(lost) or not whole


def _read(path: Path, largest: int, damage: list[str]) -> bytes | None:
    """What a file holds, None where it is none that can be read; `damage` says why."""
    try:
        if path.is_file():  # Opening a named pipe would wait for ever.
            with path.open("rb") as file:
                content = file.read(largest + 1)
            if len(content) <= largest:
                return content
            damage.append(f"{path.name} is too large to be read.")
        else:
            damage.append(f"{path.name} is no file." if path.exists() else f"{path.name} is missing.")
    except OSError as error:
        damage.append(f"{path.name} cannot be read: {error.strerror or error}.")
    return None


def _is_event(line: bytes) -> bool:
    match = _TYPE.match(line)
    kinds: dict[str, type[msgspec.Struct]] = {
        "segment": SegmentRecord,
        "update": _Update,
        "gap": _Gap,
        "session": _Header,
    }
    return match is not None and _decode(kinds.get(match[1].decode(), msgspec.Struct), line) is not None


def _decode(kind: type[Kind], line: bytes) -> Kind | None:
    try:
        return msgspec.json.decode(line, type=kind)
    except (ValueError, RecursionError):
        return None


def _all(kind: type[Kind], name: str, lines: Sequence[tuple[str, bytes]]) -> list[Kind]:
    """The events of a type, in order."""
    decoded = (_decode(kind, line) for found, line in lines if found == name)
    return [event for event in decoded if event is not None]


def _recording(folder: Path, damage: list[str]) -> Recording:
    try:
        recording = Recording(folder)
    except OSError as error:
        raise StorageError(f"'{folder}' cannot be read: {error.strerror or error}.") from error
    for start, end in recording.holes:
        whole = (end - start) % FILE_SAMPLES == 0
        what = "An audio file is missing" if whole else "An audio file is too short"
        damage.append(f"{what}: there is no sound from {start / SAMPLE_RATE:.0f} to {end / SAMPLE_RATE:.0f} s.")
    return recording


def _unfinished(
    lines: Sequence[tuple[str, bytes]], segments: Sequence[Segment], target_language: str
) -> Segment | None:
    """The committed words of the newest update, where its segment never became final."""
    updates = _all(_Update, "update", lines)
    if not updates or not updates[-1].committed or updates[-1].segment in {segment.id for segment in segments}:
        return None
    newest = updates[-1]
    words, text = _committed(newest.committed, [update for update in updates if update.segment == newest.segment])
    last_s = max((segment.end for segment in segments), default=0.0)
    translation = newest.translation_committed or None
    return Segment(
        id=newest.segment,
        start=words[0].start if words else last_s,
        end=words[-1].end if words else last_s,
        text=text,
        words=words,
        translation=translation,
        is_final=False,
        target_language=target_language if translation else None,
    )


def _committed(text: str, updates: Sequence[_Update]) -> tuple[tuple[Word, ...], str]:
    """The words behind a committed text as far as their lines are there, and their text; else no words, and `text`."""
    words = [record.word() for update in updates for record in update.words]
    counts = {separator: _said(text, words, separator) for separator in (" ", "")}
    separator = max(counts, key=lambda joint: counts[joint])
    known = words[: counts[separator]]
    return (tuple(known), _joined(known, separator)) if known else ((), text)


def _said(text: str, words: Sequence[Word], separator: str) -> int:
    """With how many of `words` the text begins."""
    text += separator
    end = 0
    for count, word in enumerate(words):
        part = word.text and word.text + separator
        if not text.startswith(part, end):
            return count
        end += len(part)
    return len(words)


def _joined(words: Sequence[Word], separator: str) -> str:
    return separator.join(word.text for word in words if word.text)
