"""Events on their way from the worker to the UI, which takes them when it has time."""

from __future__ import annotations

import threading

from speech3n.types import Event, Status, Update


class Mailbox:
    """Keeps every segment and notice in order, of an utterance's updates and of meter readings only the newest.

    However fast recognition is, there is never more waiting than a person could see.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] = []

    def put(self, event: Event) -> bool:
        """Add an event; True where the mailbox was empty, and so whoever takes them should be told."""
        with self._lock:
            was_empty = not self._events
            if isinstance(event, Update):
                self._events = [e for e in self._events if not (isinstance(e, Update) and e.segment == event.segment)]
            elif isinstance(event, Status):
                self._events = [e for e in self._events if not isinstance(e, Status)]
            self._events.append(event)
            return was_empty

    def take(self) -> list[Event]:
        """Everything that waits, oldest first."""
        with self._lock:
            events, self._events = self._events, []
            return events
