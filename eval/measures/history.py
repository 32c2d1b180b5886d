"""The life of each segment as the events of its session tell it: what was shown when, and what became final."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from speech3n.types import End, Event, Segment, Status, Update, Word, is_spaced, join_words, words_text

TextKind: TypeAlias = Literal["source", "translation"]
"""Which of the two texts of a session: what was said, or its translation."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a session on both clocks: seconds that had gone by, and seconds of audio that had come by then."""

    elapsed_s: float
    audio_s: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What an update showed of one text of a segment, word by word."""

    moment: Moment
    committed: tuple[str, ...]
    tentative: tuple[str, ...]

    @property
    def text(self) -> tuple[str, ...]:
        """All that was on screen, committed or not."""
        return self.committed + self.tentative


@dataclass(frozen=True, slots=True)
class TextHistory:
    """One text of one segment, from its first update to its end.

    `final` is None where the segment, or this text of it, never became final. `closed` is the first event with
    a time after the segment's, None where the log ends before one. `start` is where the segment begins in
    the audio, NaN where it never became final.
    """

    segment: int
    start: float
    shown: tuple[Shown, ...]
    final: tuple[Word, ...] | None
    closed: Moment | None


@dataclass(slots=True)
class _Events:
    updates: list[Update] = field(default_factory=list)
    final: Segment | None = None
    closed: Moment | None = None


def text_histories(
    events: Iterable[Event],
    kind: TextKind = "source",
    word_ends: Mapping[int, Sequence[float]] | None = None,
) -> list[TextHistory]:
    """The histories of all segments in the order in which they were first shown.

    Words are what the language writes between spaces; where it writes none (Chinese, Japanese, ...) they are
    characters, as in the latency units of SimulEval, and share the time of the recogniser's word evenly. A
    translated word has no place in the audio: the words of a translation share the time of their segment evenly,
    which is the ideal translator of average lagging (Ma et al. 2019, STACL, section 4). `word_ends` gives
    reference end times of source words by segment id in place of the recogniser's own.
    """
    collected: dict[int, _Events] = {}
    for event in events:
        if isinstance(event, Update):
            collected.setdefault(event.segment, _Events()).updates.append(event)
        elif isinstance(event, Segment) and event.is_final:
            collected.setdefault(event.id, _Events()).final = _with_ends(event, (word_ends or {}).get(event.id))
        if (moment := moment_of(event)) is not None:
            for segment in collected.values():
                if segment.final is not None and segment.closed is None:
                    segment.closed = moment
    return [_history(number, segment, kind) for number, segment in collected.items()]


def moment_of(event: Event) -> Moment | None:
    """When an event happened; None for events without a time."""
    match event:
        case Update() | End():
            return Moment(event.elapsed_s, event.audio_s)
        case Status():
            return Moment(event.elapsed_s, event.audio_s - event.lag_s)
        case _:
            return None


def split_words(text: str, language: str | None) -> tuple[str, ...]:
    """A text in words; in characters where the language writes no spaces."""
    return tuple(text.split()) if is_spaced(language) else tuple("".join(text.split()))


def _history(number: int, segment: _Events, kind: TextKind) -> TextHistory:
    final = segment.final
    shown = []
    for update in segment.updates:
        language = _language(update, final, kind)
        if kind == "source":
            committed = _source_texts(update.committed, language)
            tentative = _source_texts(update.tentative, language)
        else:
            committed = split_words(join_words(update.translation_committed, language), language)
            tentative = split_words(join_words(update.translation_tentative, language), language)
        shown.append(Shown(Moment(update.elapsed_s, update.audio_s), committed, tentative))
    start = final.start if final is not None else float("nan")
    return TextHistory(number, start, tuple(shown), _final_words(final, kind), segment.closed)


def _language(update: Update, final: Segment | None, kind: TextKind) -> str | None:
    """What decides whether words are characters: the language of the segment in the end, so that all updates agree."""
    if kind == "source":
        return update.language if final is None else final.language
    return update.target_language if final is None or final.target_language is None else final.target_language


def _source_texts(words: Iterable[Word], language: str | None) -> tuple[str, ...]:
    if is_spaced(language):
        return tuple(word.text for word in words)
    return split_words(words_text(words, language), language)


def _final_words(segment: Segment | None, kind: TextKind) -> tuple[Word, ...] | None:
    if segment is None:
        return None
    if kind == "translation":
        if segment.translation is None:
            return None
        target = segment.target_language or "en"
        return _spread(split_words(segment.translation, target), segment.start, segment.end)
    if is_spaced(segment.language):
        return segment.words
    return tuple(
        part
        for word in segment.words
        for part in _spread(split_words(word.text, segment.language), word.start, word.end)
    )


def _spread(texts: Sequence[str], start: float, end: float) -> tuple[Word, ...]:
    """Words that share a stretch of time evenly; nothing is known of their confidence."""
    times = [start + (end - start) * index / len(texts) for index in range(len(texts))] + [end]
    return tuple(Word(text, times[index], times[index + 1], 0.0) for index, text in enumerate(texts))


def _with_ends(segment: Segment, ends: Sequence[float] | None) -> Segment:
    if ends is None:
        return segment
    words = tuple(replace(word, end=end) for word, end in zip(segment.words, ends, strict=True))
    return replace(segment, words=words)
