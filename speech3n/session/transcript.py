"""The transcript of a recording, put together in one place from what a session said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from speech3n.types import End, Event, Segment, Status, Transcript


@dataclass(slots=True)
class TranscriptBuilder:
    """Takes the events of a session as they come, and has the transcript so far at any time."""

    audio: str
    """Name of the source."""
    model: str
    segments: list[Segment] = field(default_factory=list)
    duration_s: float = 0.0
    """Audio that came in so far."""

    def add(self, event: Event) -> None:
        """Take note of a segment or of how much audio there is."""
        if isinstance(event, Segment):
            self.segments.append(event)
        elif isinstance(event, Status | End):
            self.duration_s = event.audio_s

    def build(self, language: str | None, *, translate: bool) -> Transcript:
        """Everything so far in the order of time; `language` is the one that was named, None where it was detected."""
        segments = sorted(self.segments, key=lambda segment: segment.start)
        return Transcript(
            segments=tuple(replace(segment, id=index) for index, segment in enumerate(segments)),
            audio=self.audio,
            duration_s=max([self.duration_s, *(segment.end for segment in segments)]),
            language=language or main_language(segments),
            model=self.model,
            task="translate" if translate else "transcribe",
        )


def main_language(segments: Sequence[Segment]) -> str | None:
    """The language in which most of the time is spoken."""
    spoken: Counter[str] = Counter()
    for segment in segments:
        if segment.language is not None:
            spoken[segment.language] += round(1000 * (segment.end - segment.start))
    return spoken.most_common(1)[0][0] if spoken else None
