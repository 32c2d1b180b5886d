"""What a system made of each clip, scored clip by clip: the parts that groups and comparisons are summed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.eval.measures.clip_statistics import ClipStatistics, bleu_statistics, chrf_statistics, error_statistics
from speech3n.eval.measures.events import parse_records
from speech3n.eval.measures.history import split_words
from speech3n.eval.measures.latency import WordDelay, word_delays
from speech3n.eval.measures.normalise import plain_normaliser, whisper_normaliser
from speech3n.eval.measures.resegment import assign_words
from speech3n.eval.measures.wer import ClipAlignment, ErrorCounts, align_words, character_errors, word_errors
from speech3n.eval.report.document import ClipOutput
from speech3n.eval.run.evaluation import Outcome
from speech3n.eval.sets.clip import Clip
from speech3n.types import Event, join_words

_ROUNDED_TO = 3
"""Digits after the point of a delay in seconds."""


@dataclass(frozen=True, slots=True)
class Session:
    """A streamed recording: its events, its word delays, and the outcome that it is of."""

    outcome: Outcome
    events: tuple[Event, ...]
    delays: tuple[WordDelay, ...]


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """One clip of one system; `translation` is None where the clip was not translated, or has no reference."""

    clip: Clip
    text: str
    translation: str | None
    words: ClipAlignment
    plain: ErrorCounts
    characters: ErrorCounts
    commit_delays_s: tuple[float, ...] = ()

    def output(self) -> ClipOutput:
        """As the report has it."""
        return ClipOutput(
            self.text,
            self.translation,
            self.words.errors.edits,
            self.plain.edits,
            self.words.runs,
            tuple(round(delay, _ROUNDED_TO) for delay in self.commit_delays_s),
        )


def open_session(outcome: Outcome) -> Session | None:
    """The session behind an outcome; None where nothing was streamed."""
    if outcome.recognition is None or outcome.recognition.events is None:
        return None
    events = parse_records(outcome.recognition.events)
    return Session(outcome, tuple(events), tuple(word_delays(events)))


def scored_clips(outcome: Outcome, session: Session | None) -> list[ScoredClip]:
    """The clips of a recording, each with what was recognised of it; none for a recording that failed.

    The text of a joined recording is given back to its clips by alignment with their references (`assign_words`).
    """
    recognition, recording = outcome.recognition, outcome.task.recording
    if recognition is None:
        return []
    clips = [joined.clip for joined in recording.clips]
    delays = [delay.commit_delay for delay in session.delays] if session is not None else []
    if len(clips) == 1:
        return [score_clip(clips[0], recognition.text, recognition.translation, delays)]
    language = recording.language
    words = [delay.text for delay in session.delays] if session else list(split_words(recognition.text, language))
    owners = assign_words(words, [split_words(clip.text, language) for clip in clips])
    translations: Sequence[str | None] = [None] * len(clips)
    if recognition.translation is not None and recording.translated:
        translations = _shares(recognition.translation, [clip.translation_en or "" for clip in clips])
    scored = []
    for index, clip in enumerate(clips):
        own = [position for position, owner in enumerate(owners) if owner == index]
        text = join_words([words[position] for position in own], language)
        scored.append(score_clip(clip, text, translations[index], [delays[position] for position in own if delays]))
    return scored


def score_clip(clip: Clip, text: str, translation: str | None, commit_delays_s: Sequence[float] = ()) -> ScoredClip:
    """Align a hypothesis with the reference of a clip, under the normalisers of its language."""
    whisper, plain = whisper_normaliser(clip.language), plain_normaliser(clip.language)
    return ScoredClip(
        clip,
        text,
        translation if clip.translation_en is not None else None,
        align_words([clip.text], [text], whisper)[0],
        word_errors([clip.text], [text], plain),
        character_errors([clip.text], [text], whisper),
        tuple(commit_delays_s),
    )


def wer_statistics(clips: Sequence[ScoredClip]) -> ClipStatistics:
    """Word errors under the Whisper normalisers."""
    return error_statistics([clip.words.errors for clip in clips])


def plain_statistics(clips: Sequence[ScoredClip]) -> ClipStatistics:
    """Word errors under the plain normaliser."""
    return error_statistics([clip.plain for clip in clips])


def cer_statistics(clips: Sequence[ScoredClip]) -> ClipStatistics:
    """Character errors under the Whisper normalisers."""
    return error_statistics([clip.characters for clip in clips], "CER")


def translated(clips: Sequence[ScoredClip]) -> list[ScoredClip]:
    """The clips with a translation and a reference for it."""
    return [clip for clip in clips if clip.translation is not None]


def bleu_of(clips: Sequence[ScoredClip]) -> ClipStatistics:
    """BLEU of translated clips."""
    return bleu_statistics(*_pairs(clips))


def chrf_of(clips: Sequence[ScoredClip]) -> ClipStatistics:
    """chrF of translated clips."""
    return chrf_statistics(*_pairs(clips))


def _pairs(clips: Sequence[ScoredClip]) -> tuple[list[str], list[str]]:
    return [clip.clip.translation_en or "" for clip in clips], [clip.translation or "" for clip in clips]


def _shares(translation: str, references: Sequence[str]) -> list[str]:
    words = translation.split()
    owners = assign_words(words, [reference.split() for reference in references])
    return [
        " ".join(word for word, owner in zip(words, owners, strict=True) if owner == index)
        for index in range(len(references))
    ]
