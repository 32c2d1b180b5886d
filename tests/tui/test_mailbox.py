"""However fast recognition is, little waits for the UI, and no segment is lost."""

from __future__ import annotations

from speech3n.tui.mailbox import Mailbox
from speech3n.types import Segment, Status
from tests.tui.scripted import status, update


def test_meters_and_updates_are_overtaken_and_segments_are_not() -> None:
    mailbox = Mailbox()
    told = [mailbox.put(status(float(number))) for number in range(100)]
    for number in range(100):
        mailbox.put(update(0, "a", f"b{number}", start=0.0))
        mailbox.put(Segment(number, 0.0, 1.0, "x"))
    events = mailbox.take()
    assert told == [True] + [False] * 99
    assert len(events) == 102
    assert sum(isinstance(event, Segment) for event in events) == 100
    assert next(event for event in events if isinstance(event, Status)).audio_s == 99.0
    assert mailbox.take() == []
