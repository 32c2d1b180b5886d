"""Text where nobody spoke: how many words a minute a recogniser makes of silence, noise and music."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.events import final_segments
from eval.run import session_events
from eval.sounds import SOUNDS, GeneratedSource
from speech3n.errors import UsageError
from speech3n.types import Event, Update

if TYPE_CHECKING:
    from eval.scoring import Mode
    from speech3n.engines.base import Engine

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


def listen_for_false_text(
    engine: Engine,
    mode: Mode,
    minutes: float = 1.0,
    sounds: Iterable[str] = tuple(SOUNDS),
    language: str | None = None,
) -> Iterator[FalseText]:
    """Listen to so many minutes of each of the sounds, by default with the language to be detected.

    Raises UsageError for a sound that `SOUNDS` does not have and for no time at all, EngineError.
    """
    from speech3n.session import SessionOptions, file_options

    if not minutes > 0.0:
        raise UsageError(f"{minutes} minutes hold no sound.", "Give more than 0.")
    options = file_options(language) if mode == "offline" else SessionOptions(language, translate=False)
    for sound in sounds:
        if sound not in SOUNDS:
            raise UsageError(f'There is no sound "{sound}".', f"Choose of {', '.join(SOUNDS)}.")
        source = GeneratedSource(sound, minutes * _MINUTE_S)
        yield count_false_text(sound, minutes * _MINUTE_S, list(session_events(engine, source, options, "max")))


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
