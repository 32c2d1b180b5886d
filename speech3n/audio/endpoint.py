"""Where utterances begin and end, in samples, from voice activity decisions.

The pause that ends an utterance gets shorter as the utterance gets longer: a breath after three
seconds does not break a sentence, and after twenty it is a welcome place to. So speech is cut
at its pauses for as long as it has any; where it has none, the session cuts between words.
"""

from __future__ import annotations

from dataclasses import dataclass

from speech3n.audio.vad import SLOT_SAMPLES
from speech3n.types import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """When an utterance begins and ends; all in seconds."""

    pause_s: float = 0.7
    """Silence that ends a short utterance."""
    shortest_pause_s: float = 0.16
    """Silence that ends an utterance of `max_utterance_s`."""
    max_utterance_s: float = 12.0
    """Length from which the session looks for a place between two words to cut at."""
    min_speech_s: float = 0.16
    """Speech shorter than this, such as a click, is not an utterance."""
    pre_roll_s: float = 0.4
    """Sound before the first speech decision that belongs to the utterance."""
    post_roll_s: float = 0.3
    """Sound after the last speech decision that belongs to the utterance."""


CAPTIONS = EndpointConfig()
"""For live captions: short utterances, so that text becomes final soon."""
FILES = EndpointConfig(pause_s=2.0, shortest_pause_s=0.1, max_utterance_s=27.0)
"""For files: long utterances, since context helps the recogniser and nobody waits."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """The utterance that is going on; sample positions count from the start of the stream."""

    start: int
    speech_end: int
    """End of the newest speech."""


class Endpointer:
    """Follows a stream of 32 ms voice activity decisions, one slot at a time."""

    def __init__(self, config: EndpointConfig = CAPTIONS) -> None:
        self.config = config
        self._position = 0
        self._earliest = 0
        self._run_start = 0
        self._in_run = False
        self.utterance: Utterance | None = None

    def push(self, is_speech: bool) -> bool:
        """Take the next decision; return whether the utterance (still in `utterance`) ends here.

        An utterance appears in `utterance` once it has `min_speech_s` of speech in one piece.
        """
        config = self.config
        if is_speech and not self._in_run:
            self._run_start = self._position
        self._in_run = is_speech
        self._position += SLOT_SAMPLES
        if is_speech:
            if self.utterance is not None:
                self.utterance = Utterance(self.utterance.start, self._position)
            elif self._position - self._run_start >= config.min_speech_s * SAMPLE_RATE:
                start = max(self._earliest, self._run_start - round(config.pre_roll_s * SAMPLE_RATE))
                self.utterance = Utterance(start, self._position)
            return False
        return self.utterance is not None and self.silence_s >= self.needed_pause_s

    @property
    def silence_s(self) -> float:
        """How long ago the newest speech of the utterance ended."""
        return 0.0 if self.utterance is None else (self._position - self.utterance.speech_end) / SAMPLE_RATE

    @property
    def length_s(self) -> float:
        """Length of the utterance so far."""
        return 0.0 if self.utterance is None else (self._position - self.utterance.start) / SAMPLE_RATE

    @property
    def needed_pause_s(self) -> float:
        """The silence that would end the utterance at its present length."""
        config = self.config
        share = min(1.0, self.length_s / config.max_utterance_s)
        return config.pause_s + (config.shortest_pause_s - config.pause_s) * share

    def close(self, end: int) -> None:
        """End the utterance at sample `end`; the next one begins no earlier."""
        self.utterance = None
        self._earliest = end

    def cut(self, at: int) -> None:
        """Cut an utterance that has no pause at sample `at`: what follows is the next utterance."""
        assert self.utterance is not None
        self._earliest = at
        self.utterance = Utterance(at, max(at, self.utterance.speech_end))

    def jump(self, position: int) -> None:
        """Go on at sample `position`, after audio that was skipped; there must be no utterance."""
        assert self.utterance is None
        self._position = self._earliest = position
        self._in_run = False
