"""The data that flows through speech3n: frozen, slotted, free of behaviour and of torch.

Times are seconds from the start of the stream; inside the pipeline integer samples at 16 kHz are used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of all audio inside speech3n."""
FRAME_SAMPLES = 2_560
"""Samples of one frame: 160 ms, one soft token of Gemma 3n."""

Waveform: TypeAlias = NDArray[np.float32]
"""Mono float32 samples at 16 kHz, shape [T], nominally in -1..1."""

_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km"})


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; `text` carries its punctuation and no surrounding space."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech between two endpoints; `translation`, and its language, is None where none was asked for."""

    id: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    language: str | None = None
    translation: str | None = None
    is_final: bool = True
    target_language: str | None = None
    language_confidence: float | None = None
    """How sure the recogniser is of the language, 0..1; None where the language was named or is not detected."""
    times_estimated: bool = False
    """Whether word times are estimates, by when words were first recognised, rather than aligned with the sound."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was recognised in one recording."""

    segments: tuple[Segment, ...]
    audio: str
    duration_s: float
    language: str | None
    model: str
    task: str = "transcribe"

    @property
    def text(self) -> str:
        """Source text, one segment a line."""
        return "\n".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an EngineStream makes of all the audio that it accepted so far.

    Word times count from the first sample of that stream, `audio_s` is the length of what it accepted;
    `translation` is a tuple of words, or None where none was asked for or none was computed this time.
    """

    words: tuple[Word, ...]
    language: str | None = None
    language_confidence: float = 0.0
    translation: tuple[str, ...] | None = None
    audio_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Update:
    """One step of the captions of a segment: committed words never change, tentative ones may.

    `committed` and `tentative` hold all words of the segment so far. `audio_s` is how much of the stream
    had been looked at when this was shown, `elapsed_s` how much time had gone by since the stream began.
    """

    committed: tuple[Word, ...]
    tentative: tuple[Word, ...] = ()
    translation_committed: tuple[str, ...] = ()
    translation_tentative: tuple[str, ...] = ()
    segment: int = 0
    language: str | None = None
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    target_language: str = "en"
    """What the translation, where there is one, is written in."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a session is doing, a few times a second: for meters and status lines."""

    audio_s: float
    """Audio captured so far."""
    lag_s: float
    """Audio captured but not yet looked at by the recogniser."""
    elapsed_s: float
    rtf: float
    """Real-time factor so far: processing time / audio time."""
    level_db: float
    """RMS level of the newest frame in dB full scale, -96 for digital silence."""
    is_speech: bool
    dropped_s: float = 0.0
    """Audio skipped by the `skip` setting; it is in the journal, not in the captions."""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know while the session goes on: device lost, disk full, audio skipped."""

    message: str
    hint: str = ""
    severity: str = "warning"
    """`information`, `warning` or `error`."""
    audio_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio that was recorded but not recognised, because recognition was too far behind."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The size at which an elastic model goes on, at the beginning of a session and at each change.

    `lag_s` is how far behind the sound the text was that led to the change.
    """

    size: str
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class End:
    """The last event of every session."""

    audio_s: float
    elapsed_s: float
    dropped_s: float = 0.0


Event: TypeAlias = Update | Segment | Status | ModelSize | Notice | Gap | End


def is_spaced(language: str | None) -> bool:
    """Whether a language writes spaces between words: Chinese, Japanese, Thai and their kin do not."""
    return language not in _UNSPACED_LANGUAGES


def join_words(words: Iterable[str], language: str | None) -> str:
    """Join words as the language writes them, with or without spaces."""
    return (" " if is_spaced(language) else "").join(word for word in words if word)


def words_text(words: Iterable[Word], language: str | None) -> str:
    """Join the texts of words as the language writes them."""
    return join_words((word.text for word in words), language)
