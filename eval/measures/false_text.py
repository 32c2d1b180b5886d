"""Text where nobody spoke: how many words a recogniser makes of silence, noise and music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.eval.measures.events import final_segments
from speech3n.types import Event, Update


@dataclass(frozen=True, slots=True)
class FalseText:
    """Words made of a sound without speech: those that became final, and those ever on the screen; 0 is right."""

    words_final: int
    words_shown: int
    texts: tuple[str, ...]


def count_false_text(events: Sequence[Event]) -> FalseText:
    """Count the words in the events of a session in which nobody spoke."""
    segments = final_segments(events)
    return FalseText(
        sum(len(segment.words) for segment in segments),
        words_shown(events),
        tuple(segment.text for segment in segments),
    )


def words_shown(events: Sequence[Event]) -> int:
    """Words that stood on the screen at any time, tentative ones too: the most of each segment, summed."""
    most: dict[int, int] = {}
    for event in events:
        if isinstance(event, Update):
            shown = len(event.committed) + len(event.tentative)
            most[event.segment] = max(shown, most.get(event.segment, 0))
    for segment in final_segments(events):
        most[segment.id] = max(len(segment.words), most.get(segment.id, 0))
    return sum(most.values())
