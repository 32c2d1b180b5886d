"""What can be evaluated: an engine of ours, the baseline, or precomputed hypotheses.

A System is a small description that travels to a process of its own and is opened there: a recogniser that crashes
takes nobody with it, and its memory is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.recognition import Recognition

Mode = Literal["offline", "streaming", "given"]
"""As files, as live captions by the simulated clock, or hypotheses that somebody else made."""

Settings: TypeAlias = Mapping[str, str | int | float | bool | None]


class Recogniser(Protocol):
    """An opened system."""

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        """Recognise a recording, and translate it to English where that is asked for and the system can.

        `progress` is told now and then how many seconds of it are done. Raises AudioError, EngineError, UsageError for
        a language that the system does not have.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class System(Protocol):
    """What is needed to open a recogniser in another process, and to know its results again."""

    @property
    def name(self) -> str:
        """As people call it."""
        ...

    @property
    def mode(self) -> Mode:
        """As files, as captions, or given."""
        ...

    def settings(self) -> Settings:
        """Everything that its output depends on, but for the audio; raises ModelError for missing weights."""
        ...

    def open(self) -> Recogniser:
        """Load it; raises ModelError, UsageError."""
        ...
