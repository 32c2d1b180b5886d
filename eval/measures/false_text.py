"""Text where nobody spoke: how many words a minute a recogniser makes of silence, noise and music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.eval.measures.events import final_segments
from speech3n.types import Event, Update

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class FalseText:
    """Words made of `seconds` of a sound without speech: those that became final, and those ever on the screen."""

    sound: str
    seconds: float
    words_final: int
    words_shown: int
    texts: tuple[str, ...]

    @property
    def final_per_minute(self) -> float:
        """Final words per minute of sound; 0 is right."""
        return self.words_final * _MINUTE_S / self.seconds

    @property
    def shown_per_minute(self) -> float:
        """Words per minute of sound that stood on the screen at any time, tentative ones too."""
        return self.words_shown * _MINUTE_S / self.seconds


def count_false_text(sound: str, seconds: float, events: Sequence[Event]) -> FalseText:
    """Count the words in the events of a session in which nobody spoke."""
    segments = final_segments(events)
    return FalseText(
        sound,
        seconds,
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
