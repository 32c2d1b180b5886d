"""How long people wait for words, and how much of what they read is taken back.

Everything is computed from the events of a session in their order. Times are stream time: `Update.elapsed_s`
of a session paced in real time, or by the simulated clock, in which computing takes the time that it took.
The delays are therefore computation-aware (Ma et al. 2020, SimulEval).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from eval.datasets import JoinedClip
from speech3n.types import End, Event, Segment, Status, Update, Word


@dataclass(frozen=True, slots=True)
class WordDelay:
    """When a word of the final text ended in the audio, was first shown, and was committed; seconds."""

    text: str
    start: float
    end: float
    shown_at: float
    committed_at: float

    @property
    def shown_delay(self) -> float:
        """From the end of the word to its first sight in committed or tentative text."""
        return self.shown_at - self.end

    @property
    def commit_delay(self) -> float:
        """From the end of the word to its commit."""
        return self.committed_at - self.end


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

    `normalised_erasure` is the words taken back per word of final text (Arivazhagan et al. 2020,
    Re-translation versus Streaming for Simultaneous Translation, section 2.2): at each update the words
    shown before that are not in the common prefix with what is shown now. `changed_commits` counts
    committed words that changed or vanished later; it must be 0.
    """

    normalised_erasure: float
    changed_commits: int


@dataclass(slots=True)
class _History:
    """The life of one segment: what was shown when, and the final text, if the segment got one."""

    updates: list[Update] = field(default_factory=list)
    final: Segment | None = None
    closed_at: float | None = None


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
    """
    delays: list[WordDelay] = []
    for history in _histories(events):
        if history.final is None:
            continue
        ends = (word_ends or {}).get(history.final.id)
        for index, word in enumerate(history.final.words):
            committed_at = _first_time(history, [len(update.committed) > index for update in history.updates])
            shown_at = _first_time(history, [_shows(update, index, word) for update in history.updates])
            end = word.end if ends is None else ends[index]
            delays.append(WordDelay(word.text, word.start, end, min(shown_at, committed_at), committed_at))
    return delays


def clip_end_delays(delays: Sequence[WordDelay], clips: Sequence[JoinedClip]) -> list[float]:
    """From the end of the sound of each clip of a joined recording to the commit of its last word.

    A word belongs to the clip in which its middle lies, the gap after a clip shared half and half with the
    next one. Clips that got no words are left out.
    """
    borders = [(before.end + after.start) / 2 for before, after in pairwise(clips)]
    last_commits: dict[int, float] = {}
    for delay in delays:
        index = bisect_left(borders, (delay.start + delay.end) / 2)
        last_commits[index] = max(delay.committed_at, last_commits.get(index, 0.0))
    return [at - clips[index].sound_end for index, at in sorted(last_commits.items())]


def stability(events: Iterable[Event]) -> Stability:
    """Normalised erasure of the source text, and committed words that changed.

    Words of a segment that never became final count as erased.
    """
    erased = final_words = changed = 0
    for history in _histories(events):
        final = tuple(word.text for word in history.final.words) if history.final else ()
        shown = [_texts(update.committed + update.tentative) for update in history.updates]
        committed = [_texts(update.committed) for update in history.updates]
        erased += _total_taken_back([*shown, final])
        changed += _total_taken_back([*committed, final])
        final_words += len(final)
    if final_words == 0:
        return Stability(float("inf") if erased else 0.0, changed)
    return Stability(erased / final_words, changed)


def _histories(events: Iterable[Event]) -> list[_History]:
    histories: dict[int, _History] = {}
    for event in events:
        if isinstance(event, Update):
            histories.setdefault(event.segment, _History()).updates.append(event)
        elif isinstance(event, Segment) and event.is_final:
            histories.setdefault(event.id, _History()).final = event
        if isinstance(event, Update | Status | End):
            for history in histories.values():
                if history.final is not None and history.closed_at is None:
                    history.closed_at = event.elapsed_s
    return list(histories.values())


def _first_time(history: _History, reached: Sequence[bool]) -> float:
    """The time of the first update that is marked, or of the segment event where none is."""
    if any(reached):
        return history.updates[reached.index(True)].elapsed_s
    if history.closed_at is None:
        raise ValueError("the events do not reach the end of the session: the last Segment has no time")
    return history.closed_at


def _shows(update: Update, index: int, word: Word) -> bool:
    shown = update.committed + update.tentative
    return len(shown) > index and _comparable(shown[index].text) == _comparable(word.text)


def _comparable(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum()) or text


def _texts(words: Iterable[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)


def _total_taken_back(outputs: Sequence[tuple[str, ...]]) -> int:
    return sum(_taken_back(before, after) for before, after in pairwise(outputs))


def _taken_back(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common
