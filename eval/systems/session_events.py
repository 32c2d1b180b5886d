"""Driving an engine over recordings the way users do: through a Session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from speech3n.types import Event

if TYPE_CHECKING:
    from speech3n.audio.source import AudioSource
    from speech3n.engines.base import Engine
    from speech3n.journal.journal import Journal
    from speech3n.session.feed import Pace
    from speech3n.session.options import SessionOptions


def session_events(
    engine: Engine,
    source: AudioSource,
    options: SessionOptions,
    pace: Pace,
    journal: Journal | None = None,
) -> Iterator[Event]:
    """The events of one session over a source, as they come."""
    from speech3n.session.feed import open_feed
    from speech3n.session.session import Session

    feed = open_feed(source, pace=pace, recording=journal.recording if journal else None)
    yield from Session(engine, options, journal).run(feed)
