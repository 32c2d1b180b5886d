"""What the worker thread tells the app; the app alone touches widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textual.message import Message

from speech3n.audio.microphone import InputDevice
from speech3n.types import Event
from tui.live import LiveSession


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, and what people can do about it; `exit_code` is what the command ends with."""

    message: str
    hint: str = ""
    exit_code: int = 1

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended: what it wrote, what stopped it, what could not be saved."""

    live: LiveSession | None = None
    paths: list[Path] = field(default_factory=list)
    failure: Problem | None = None
    unsaved: Problem | None = None

    @property
    def trouble(self) -> Problem | None:
        """What made it end otherwise than it should."""
        return self.failure or self.unsaved


@dataclass
class Opened(Message):
    """Model, source and journal are there; captions begin."""

    live: LiveSession


@dataclass
class Happened(Message):
    """The session's next event."""

    event: Event


@dataclass
class Ended(Message):
    """The session is over."""

    outcome: Outcome


@dataclass
class Found(Message):
    """The microphones that are there, or why that cannot be said."""

    devices: list[InputDevice]
    problem: Problem | None = None


@dataclass
class Saved(Message):
    """The transcript was written where people asked for it, or could not be."""

    paths: list[Path]
    problem: Problem | None = None
