"""What the worker thread tells the app; the app alone touches widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from speech3n.types import Event
from tui.live import LiveSession


@dataclass
class Opened(Message):
    """Model, source and journal are there; captions begin."""

    live: LiveSession


@dataclass
class Happened(Message):
    """The session's next event."""

    event: Event


@dataclass
class Failed(Message):
    """The session could not begin or had to end."""

    message: str
    hint: str
    is_expected: bool = True


@dataclass
class Finished(Message):
    """The session is over and its transcripts are written."""

    paths: list[Path]
    problem: str = ""
