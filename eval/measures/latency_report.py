"""All that is said about the latency of one session, in one typed report: `latency_report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from speech3n.eval.measures.history import TextKind, split_words
from speech3n.eval.measures.lagging import EmittedWord, Lagging, SourceStretch, lagging, resegmented
from speech3n.eval.measures.latency import (
    Distribution,
    Stability,
    WordDelay,
    distribution,
    first_words,
    is_paced,
    stability,
    translation_delays,
    update_times,
    word_delays,
)
from speech3n.eval.sets.joined import JoinedClip
from speech3n.types import End, Event, Segment, Status, Update


@dataclass(frozen=True, slots=True)
class ReferenceSegment:
    """What is said in a stretch of the audio, in seconds; `translation` is None where nobody translated it."""

    start: float
    end: float
    text: str
    translation: str | None = None


@dataclass(frozen=True, slots=True)
class Delays:
    """A delay in seconds, computation-unaware and -aware; `aware` is None for a session without a pace."""

    unaware: Distribution
    aware: Distribution | None


@dataclass(frozen=True, slots=True)
class TextLatency:
    """How late and how steady one text of a session was, source or translation.

    Delays of words are counted from their ends, `first_word` from the beginning of each segment. `lagging`
    goes by the times of commits; None where no word was committed.
    """

    shown: Delays
    committed: Delays
    first_word: Delays
    stability: Stability
    lagging: Lagging | None


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """The latency of a session; `translation` is None where nothing was translated.

    `rtf` is None where the log does not tell it: a journal of a paced session keeps no status lines. `peak_memory_mib`
    is None where whoever ran the session did not measure it: no log holds it.
    """

    audio_s: float
    dropped_s: float
    paced: bool
    source: TextLatency
    translation: TextLatency | None
    updates: int
    update_s: Distribution
    rtf: float | None
    peak_memory_mib: float | None


def latency_report(
    events: Iterable[Event],
    reference: Sequence[ReferenceSegment] | None = None,
    *,
    word_ends: Mapping[int, Sequence[float]] | None = None,
    paced: bool | None = None,
    peak_memory_mib: float | None = None,
) -> LatencyReport:
    """Measure a session by its events, as they came or as `eval.events.read_events` reads them from a log or journal.

    `reference` is what is said and when: with it, lagging is computed per reference segment, to which the output
    is given by alignment; without it, per segment of the session, by its own words. `word_ends` are reference
    end times by segment id, as in `word_delays`; `paced` says whether the session ran in stream time, None
    leaves that to `is_paced`. Raises ValueError where the log breaks off before the time of a commit, or
    words belong to a reference segment without length.
    """
    log = list(events)
    in_pace = is_paced(log) if paced is None else paced
    session = _Session(log, reference, in_pace)
    end = next((event for event in log if isinstance(event, End)), None)
    statuses = [event for event in log if isinstance(event, Status)]
    times = update_times(log, paced=in_pace)
    return LatencyReport(
        audio_s=session.audio_s,
        dropped_s=max((event.dropped_s for event in log if isinstance(event, Status | End)), default=0.0),
        paced=in_pace,
        source=session.text("source", word_delays(log, word_ends)),
        translation=session.text("translation", translation_delays(log)) if session.is_translated else None,
        updates=len(times),
        update_s=distribution(times),
        rtf=_real_time_factor(statuses, end, in_pace),
        peak_memory_mib=peak_memory_mib,
    )


def joined_references(clips: Sequence[JoinedClip]) -> list[ReferenceSegment]:
    """The clips of a joined recording as references."""
    return [
        ReferenceSegment(joined.start, joined.end, joined.clip.text, joined.clip.translation_en) for joined in clips
    ]


class _Session:
    """A log with what is computed from it for both texts."""

    def __init__(self, log: Sequence[Event], reference: Sequence[ReferenceSegment] | None, paced: bool) -> None:
        self._log = log
        self._reference = reference
        self._paced = paced
        self._segments = [event for event in log if isinstance(event, Segment) and event.is_final]
        self.audio_s = max((event.audio_s for event in log if isinstance(event, Update | End)), default=0.0)
        self.is_translated = any(segment.translation is not None for segment in self._segments)

    def text(self, kind: TextKind, delays: Sequence[WordDelay]) -> TextLatency:
        first = first_words(self._log, kind)
        return TextLatency(
            shown=self._delays([d.shown_delay_unaware for d in delays], [d.shown_delay for d in delays]),
            committed=self._delays([d.commit_delay_unaware for d in delays], [d.commit_delay for d in delays]),
            first_word=self._delays([word.delay_unaware for word in first], [word.delay for word in first]),
            stability=stability(self._log, kind),
            lagging=self._lagging(kind, delays),
        )

    def _delays(self, unaware: Sequence[float], aware: Sequence[float]) -> Delays:
        return Delays(distribution(unaware), distribution(aware) if self._paced else None)

    def _lagging(self, kind: TextKind, delays: Sequence[WordDelay]) -> Lagging | None:
        if not delays:
            return None
        stretches = self._reference_stretches(kind)
        if stretches is not None:
            words = resegmented([_emitted(delay) for delay in delays], stretches)
        else:
            stretches, words = self._own_stretches(delays)
        return lagging(words, stretches, self.audio_s, paced=self._paced)

    def _reference_stretches(self, kind: TextKind) -> list[SourceStretch] | None:
        """The references with the words of one text; None where there are none, or one is missing."""
        if not self._reference:
            return None
        language = self._language(kind)
        stretches = []
        for segment in self._reference:
            text = segment.text if kind == "source" else segment.translation
            if text is None:
                return None
            stretches.append(SourceStretch(segment.start, segment.end, split_words(text, language)))
        return stretches

    def _own_stretches(self, delays: Sequence[WordDelay]) -> tuple[list[SourceStretch], list[list[EmittedWord]]]:
        """The session's segments that have a length, each with its own words."""
        segments = [segment for segment in self._segments if segment.end > segment.start]
        words = [[_emitted(delay) for delay in delays if delay.segment == segment.id] for segment in segments]
        return [SourceStretch(segment.start, segment.end) for segment in segments], words

    def _language(self, kind: TextKind) -> str | None:
        """What most segments are in: it decides whether references are compared by words or by characters."""
        languages = Counter(s.language if kind == "source" else s.target_language for s in self._segments)
        return languages.most_common(1)[0][0] if languages else None


def _emitted(delay: WordDelay) -> EmittedWord:
    return EmittedWord(delay.text, delay.committed_audio_s, delay.committed_at)


def _real_time_factor(statuses: Sequence[Status], end: End | None, paced: bool) -> float | None:
    """Processing time / audio time: as the session counted it, or all its time where none was spent on waiting."""
    if statuses:
        return statuses[-1].rtf
    if paced or end is None or not end.audio_s:
        return None
    return end.elapsed_s / end.audio_s
