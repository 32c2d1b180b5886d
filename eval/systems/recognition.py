"""What one system made of one recording, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from speech3n.eval.measures.events import final_segments
from speech3n.types import Event, join_words


@dataclass(frozen=True, slots=True)
class Recognition:
    """Text and translation of a recording, and what they took.

    `translation` is None where none was asked for. `compute_s` is time spent on computing, None where nobody measured
    it; a translation is in it where one session gives both texts, and not where it is a pass of its own.
    `peak_memory_mib` is the largest resident set of the process until then. `events` is the session's log
    where text was streamed, with the times of the simulated clock.
    """

    text: str
    translation: str | None
    compute_s: float | None = None
    peak_memory_mib: float | None = None
    events: Sequence[dict[str, Any]] | None = None


def session_texts(events: Iterable[Event], language: str | None, *, translated: bool) -> tuple[str, str | None]:
    """The text of a session's final segments, and their translation where there is one."""
    segments = final_segments(events)
    text = join_words((segment.text for segment in segments), language)
    translations = [segment.translation for segment in segments if segment.translation]
    return text, " ".join(translations) if translated else None
