"""What the worker thread tells the app; the app alone touches widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from speech3n.session.live import LiveSession


@dataclass
class Opened(Message):
    """Model, source and journal are there; captions begin."""

    live: LiveSession


@dataclass
class Arrived(Message):
    """Events wait in the worker's mailbox."""


@dataclass
class Finished(Message):
    """The session is over, and what was heard is saved.

    `failure` is what ended it before its time, or what could not be saved; `live` is None where nothing was opened.
    """

    live: LiveSession | None
    failure: Exception | None = None


@dataclass
class Saved(Message):
    """A transcript was written under another name, or not."""

    paths: list[Path]
    failure: Exception | None = None


@dataclass
class DevicesFound(Message):
    """The microphones there are, as (name to choose it by, shown text)."""

    devices: list[tuple[str, str]]
    failure: Exception | None = None
