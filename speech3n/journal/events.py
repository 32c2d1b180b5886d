"""Events as JSON objects: what `live --jsonl` prints and what the journal keeps."""

from __future__ import annotations

from typing import Any

import msgspec

from speech3n.runtime.untrusted import Number, Seconds, Share, Text
from speech3n.types import End, Event, Gap, ModelSize, Notice, Segment, Update, Word, join_words, words_text

Record = dict[str, Any]


def event_record(event: Event) -> Record | None:
    """The JSON object of an event, or None for those that are only for meters (Status)."""
    match event:
        case Update():
            return {
                "type": "update",
                "segment": event.segment,
                "committed": words_text(event.committed, event.language),
                "tentative": words_text(event.tentative, event.language),
                "translation_committed": join_words(event.translation_committed, event.target_language),
                "translation_tentative": join_words(event.translation_tentative, event.target_language),
                "committed_words": len(event.committed),
                "audio_s": _rounded(event.audio_s),
                "elapsed_s": _rounded(event.elapsed_s),
            }
        case Segment():
            return {"type": "segment", **segment_record(event)}
        case Gap():
            return {"type": "gap", "start": _rounded(event.start), "end": _rounded(event.end)}
        case ModelSize():
            return {
                "type": "size",
                "size": event.size,
                "lag_s": _rounded(event.lag_s),
                "audio_s": _rounded(event.audio_s),
                "elapsed_s": _rounded(event.elapsed_s),
            }
        case Notice():
            return {
                "type": "notice",
                "severity": event.severity,
                "message": event.message,
                "hint": event.hint,
            }
        case End():
            return {
                "type": "end",
                "audio_s": _rounded(event.audio_s),
                "elapsed_s": _rounded(event.elapsed_s),
                "dropped_s": _rounded(event.dropped_s),
            }
        case _:
            return None


def segment_record(segment: Segment) -> Record:
    """The JSON object of a segment, as in transcripts."""
    return {
        "id": segment.id,
        "start": _rounded(segment.start),
        "end": _rounded(segment.end),
        "language": segment.language,
        "language_confidence": None if segment.language_confidence is None else _rounded(segment.language_confidence),
        "text": segment.text,
        "translation": segment.translation,
        "target_language": segment.target_language,
        "word_times": "estimated" if segment.times_estimated else "aligned",
        "words": [word_record(word) for word in segment.words],
    }


def word_record(word: Word) -> Record:
    """The JSON object of a word."""
    return {
        "text": word.text,
        "start": _rounded(word.start),
        "end": _rounded(word.end),
        "confidence": _rounded(word.confidence),
    }


class WordRecord(msgspec.Struct):
    """A word as JSON has it, with bounds on what is believed."""

    text: Text
    start: Seconds
    end: Seconds
    confidence: Share

    def word(self) -> Word:
        """The word."""
        return Word(self.text, self.start, self.end, self.confidence)


class SegmentRecord(msgspec.Struct):
    """A segment as JSON has it."""

    id: Number
    start: Seconds
    end: Seconds
    text: Text
    words: list[WordRecord]
    language: Text | None = None
    translation: Text | None = None
    target_language: Text | None = None
    language_confidence: Share | None = None
    word_times: Text = "aligned"

    def segment(self) -> Segment:
        """The segment."""
        return Segment(
            id=self.id,
            start=self.start,
            end=self.end,
            text=self.text,
            words=tuple(word.word() for word in self.words),
            language=self.language,
            translation=self.translation,
            target_language=self.target_language,
            language_confidence=self.language_confidence,
            times_estimated=self.word_times == "estimated",
        )


def _rounded(value: float) -> float:
    return round(value, 3)
