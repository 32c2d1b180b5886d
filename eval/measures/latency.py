"""How long people wait for words, and how much of what they read is taken back.

Everything is computed from the events of a session in their order, by two clocks (Ma et al. 2020, SimulEval,
section 2.2):

- computation-aware: `elapsed_s` of the events, for a session paced in real time or by the simulated clock, in
  which computing takes the time that it took. It is what people wait.
- computation-unaware: `audio_s`, how much audio had come. It is what a recogniser that computes in no time
  would make people wait, and does not depend on the machine.

A session that was paused on the way goes on counting `elapsed_s`: what follows the pause looks late by its length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from speech3n.eval.measures.history import Moment, TextHistory, TextKind, moment_of, text_histories
from speech3n.eval.sets.joined import JoinedClip
from speech3n.types import Event, Update

_UNPACED_S = 0.5
"""A session that was given more audio than elapsed time allows, by more than two clocks drift apart, was not paced."""


@dataclass(frozen=True, slots=True)
class WordDelay:
    """When a word of the final text ended in the audio, was first shown, and was committed; seconds.

    `shown_at` and `committed_at` are elapsed time, `shown_audio_s` and `committed_audio_s` the audio that had
    come by then.
    """

    text: str
    start: float
    end: float
    shown_at: float
    committed_at: float
    shown_audio_s: float = float("nan")
    committed_audio_s: float = float("nan")
    segment: int | None = None

    @property
    def shown_delay(self) -> float:
        """From the end of the word to its first sight in committed or tentative text."""
        return self.shown_at - self.end

    @property
    def commit_delay(self) -> float:
        """From the end of the word to its commit."""
        return self.committed_at - self.end

    @property
    def shown_delay_unaware(self) -> float:
        """Audio that came after the end of the word until its first sight."""
        return self.shown_audio_s - self.end

    @property
    def commit_delay_unaware(self) -> float:
        """Audio that came after the end of the word until its commit."""
        return self.committed_audio_s - self.end


@dataclass(frozen=True, slots=True)
class FirstWord:
    """When a segment began in the audio, and when the first text of it was seen; seconds on both clocks."""

    segment: int
    start: float
    shown_at: float
    shown_audio_s: float

    @property
    def delay(self) -> float:
        """From the beginning of the segment to the first text, computation-aware."""
        return self.shown_at - self.start

    @property
    def delay_unaware(self) -> float:
        """Audio that came from the beginning of the segment to the first text."""
        return self.shown_audio_s - self.start


@dataclass(frozen=True, slots=True)
class Distribution:
    """A sample in four numbers; percentiles by linear interpolation, NaN where the sample is empty."""

    count: int
    median: float
    p95: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Stability:
    """How steady the captions were.

    `normalised_erasure` is the words taken back (`erased`) per word of final text (Arivazhagan et al. 2020,
    Re-translation versus Streaming for Simultaneous Translation, section 2.2): at each update the words
    shown before that are not in the common prefix with what is shown now. `changed_commits` counts
    committed words that changed or vanished later; it must be 0.
    """

    normalised_erasure: float
    changed_commits: int
    erased: int = 0
    final_words: int = 0


def distribution(values: Sequence[float]) -> Distribution:
    """Count, median, 95th percentile and maximum of a sample."""
    if not values:
        return Distribution(0, float("nan"), float("nan"), float("nan"))
    median, p95 = np.percentile(values, [50, 95])
    return Distribution(len(values), float(median), float(p95), float(max(values)))


def word_delays(events: Iterable[Event], word_ends: Mapping[int, Sequence[float]] | None = None) -> list[WordDelay]:
    """The delays of all words of the final segments, in order.

    Committed text is append-only, so word n of a segment was committed by the first update that commits
    more than n words, or by the segment event itself. A segment event carries no time: it counts as late
    as the next event that does. `word_ends` gives reference end times by segment id; without it they are
    the recogniser's own, which may be biased: `clip_end_delays` is a check that does not rest on them.
    Raises ValueError where the log breaks off before the time of a commit.
    """
    return _delays(text_histories(events, "source", word_ends))


def translation_delays(events: Iterable[Event]) -> list[WordDelay]:
    """The delays of all words of the final translations, in order; empty where nothing was translated.

    They are counted from the word's share of its segment: word n of N is due when n/N of the segment was
    spoken, as by the ideal translator of average lagging (Ma et al. 2019, STACL, section 4). Raises ValueError
    as `word_delays`.
    """
    return _delays(text_histories(events, "translation"))


def first_words(events: Iterable[Event], kind: TextKind = "source") -> list[FirstWord]:
    """For every segment with a final text, how long people looked at nothing after it had begun.

    Any text counts, committed or not, right or wrong: normalised erasure says how much of it stayed.
    """
    found = []
    for history in text_histories(events, kind):
        if history.final:
            moment = _first_moment(history, [bool(shown.text) for shown in history.shown])
            found.append(FirstWord(history.segment, history.start, moment.elapsed_s, moment.audio_s))
    return found


def clip_end_delays(delays: Sequence[WordDelay], clips: Sequence[JoinedClip]) -> list[float]:
    """From the end of the sound of each clip of a joined recording to the commit of its last word.

    A word belongs to the clip in which its middle lies, the gap after a clip shared half and half with the
    next one. Clips that got no words are left out.
    """
    boundaries = [(before.end + after.start) / 2 for before, after in pairwise(clips)]
    last_commits: dict[int, float] = {}
    for delay in delays:
        index = bisect_left(boundaries, (delay.start + delay.end) / 2)
        last_commits[index] = max(delay.committed_at, last_commits.get(index, 0.0))
    return [at - clips[index].sound_end for index, at in sorted(last_commits.items())]


def stability(events: Iterable[Event], kind: TextKind = "source") -> Stability:
    """Normalised erasure of the source text or of the translation, and committed words that changed.

    Words of a segment that never became final count as erased.
    """
    erased = final_words = changed = 0
    for history in text_histories(events, kind):
        final = tuple(word.text for word in history.final or ())
        erased += _total_taken_back([*(shown.text for shown in history.shown), final])
        changed += _total_taken_back([*(shown.committed for shown in history.shown), final])
        final_words += len(final)
    if final_words == 0:
        return Stability(float("inf") if erased else 0.0, changed, erased, 0)
    return Stability(erased / final_words, changed, erased, final_words)


def is_paced(events: Iterable[Event]) -> bool:
    """Whether a log looks like a session in stream time, in which no audio comes before it is spoken.

    A recording read as fast as possible is ahead of its clock, unless recognition is slower than speech: whoever
    knows the pace should say it.
    """
    moments = [moment for event in events if (moment := moment_of(event)) is not None]
    return all(moment.elapsed_s >= moment.audio_s - _UNPACED_S for moment in moments)


def update_times(events: Iterable[Event], *, paced: bool = True) -> list[float]:
    """How long each update took to compute, in seconds.

    The time of an update runs from when its audio had come, or where that is later from the event with a time
    before it, so that waiting behind other updates is not counted twice. In a session that was not `paced`,
    audio is there at once.
    """
    times: list[float] = []
    ready_s = 0.0
    for event in events:
        moment = moment_of(event)
        if moment is None:
            continue
        if isinstance(event, Update):
            begun_s = max(ready_s, moment.audio_s) if paced else ready_s
            times.append(max(0.0, moment.elapsed_s - begun_s))
        ready_s = max(ready_s, moment.elapsed_s)
    return times


def _delays(histories: Iterable[TextHistory]) -> list[WordDelay]:
    delays: list[WordDelay] = []
    for history in histories:
        for index, word in enumerate(history.final or ()):
            committed = _first_moment(history, [len(shown.committed) > index for shown in history.shown])
            seen = _first_moment(history, [_shows(shown.text, index, word.text) for shown in history.shown])
            seen = min(seen, committed, key=lambda moment: moment.elapsed_s)
            delays.append(
                WordDelay(
                    word.text,
                    word.start,
                    word.end,
                    shown_at=seen.elapsed_s,
                    committed_at=committed.elapsed_s,
                    shown_audio_s=seen.audio_s,
                    committed_audio_s=committed.audio_s,
                    segment=history.segment,
                )
            )
    return delays


def _first_moment(history: TextHistory, reached: Sequence[bool]) -> Moment:
    """The time of the first update that is marked, or of the segment event where none is."""
    if any(reached):
        return history.shown[reached.index(True)].moment
    if history.closed is None:
        raise ValueError("the events do not reach the end of the session: the last Segment has no time")
    return history.closed


def _shows(shown: tuple[str, ...], index: int, word: str) -> bool:
    return len(shown) > index and _comparable(shown[index]) == _comparable(word)


def _comparable(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum()) or text


def _total_taken_back(outputs: Sequence[tuple[str, ...]]) -> int:
    return sum(_taken_back(before, after) for before, after in pairwise(outputs))


def _taken_back(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common
