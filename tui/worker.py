"""The thread behind the UI: loads the model, opens the session, recognises, saves, and posts what happened."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from speech3n.audio.microphone import InputDevice, list_devices
from speech3n.engines.base import Engine
from speech3n.session.live import LiveRequest, LiveSession, open_live
from speech3n.tui.mailbox import Mailbox
from speech3n.tui.messages import Arrived, DevicesFound, Finished, Opened, Saved
from speech3n.types import Event

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backend:
    """What the worker opens; tests put in stand-ins."""

    open_engine: Callable[[], Engine]
    open_live: Callable[[LiveRequest, Engine], LiveSession] = open_live
    list_devices: Callable[[], list[InputDevice]] = list_devices


class Worker:
    """Runs sessions, one after another, in whatever thread calls `run`; the engine is loaded once."""

    def __init__(self, backend: Backend, post: Callable[[Message], object]) -> None:
        self._backend = backend
        self._post = post
        self._engine: Engine | None = None
        self._mailbox = Mailbox()
        self._aborted = threading.Event()

    def run(self, request: LiveRequest) -> None:
        """Caption until the source ends, is stopped or fails; the last message is Finished, whatever happens."""
        live: LiveSession | None = None
        failure: Exception | None = None
        try:
            self._engine = self._engine or self._backend.open_engine()
            if not self._aborted.is_set():
                live = self._backend.open_live(request, self._engine)
                self._post(Opened(live))
                self._recognise(live)
        except Exception as error:  # shown by the app; what was recognised is saved first
            failure = error
            _LOG.debug("the session ended early", exc_info=error)
        if live is not None:
            try:
                live.close()
            except Exception as error:
                failure = failure or error
        self._post(Finished(live, failure))

    def take(self) -> list[Event]:
        """The events that came since the last call; for the app."""
        return self._mailbox.take()

    def abort(self) -> None:
        """End at once what recognition is left, keeping what is there; safe from any thread."""
        self._aborted.set()

    def save(self, live: LiveSession, stem: Path, formats: str) -> None:
        """Write the transcript so far under another name."""
        try:
            self._post(Saved(live.save(stem, formats)))
        except Exception as error:
            self._post(Saved([], error))

    def find_devices(self) -> None:
        """Look for microphones."""
        try:
            devices = self._backend.list_devices()
        except Exception as error:
            self._post(DevicesFound([], error))
            return
        self._post(DevicesFound([(device.name, _described(device)) for device in devices]))

    def _recognise(self, live: LiveSession) -> None:
        for event in live.events():
            if self._mailbox.put(event):
                self._post(Arrived())
            if self._aborted.is_set():
                return


def _described(device: InputDevice) -> str:
    default = "  (default)" if device.is_default else ""
    return f"{device.name}{default}"
