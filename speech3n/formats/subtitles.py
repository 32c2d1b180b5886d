"""Subtitle cues from words with times: where to break them, how to fill their lines, how long to show them.

The limits are those of subtitling guidelines (Netflix Timed Text Style Guide, BBC Subtitle Guidelines): two lines of 42
characters, at most seven seconds, at most about twenty characters a second, breaks where the sense breaks.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.cells import cell_len

from speech3n.errors import UsageError
from speech3n.formats.linebreaks import SENTENCE_COST, WORD_COST, Text, break_cost, split_text, split_word
from speech3n.types import Segment, Transcript, Word

CONTENTS = ("source", "translation", "both")
"""What subtitles can show."""

# Costs of a cue, in the unit of those of a break, where WORD_COST is 3.
_CUE_COST = 2.0
_ORPHAN_COST = 3.0
# Two sentences in a cue read less well than one in each, and much less where the second one is not whole.
_SENTENCES_COST = 1.0
_TAIL_COST = 4.0
_LINE_COST = 0.8
_LATE_COST_PER_S = 3.0
_HURRY_COST_PER_S = 2.0
_PAUSE_COST_PER_S = 4.0
_LONG_PAUSE_S = 0.4
_PAUSE_DISCOUNT = 0.3
_DRIFT_COST_PER_CHAR = 0.15
_MISMATCH_WEIGHT = 1.5
_DRIFT_WORDS = 12
# A shorter silence between two cues looks like flicker, so the first one stays on screen until the second.
_FLICKER_S = 0.5
_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """What subtitles show and how; `both` shows the source and below it the translation, up to `max_lines` of each.

    Line width counts terminal cells, so that a Chinese character counts as two. Raises UsageError for unknown content.
    """

    content: str = "source"
    max_line_chars: int = 42
    max_lines: int = 2
    max_cue_s: float = 7.0
    min_cue_s: float = 1.0
    chars_per_s: float = 20.0
    gap_s: float = 0.08

    def __post_init__(self) -> None:
        if self.content not in CONTENTS:
            raise UsageError(f"Unknown subtitle content '{self.content}'.", f"There are {', '.join(CONTENTS)}.")
        if self.max_line_chars < 2 or self.max_lines < 1:
            raise UsageError("Subtitles need at least one line of two characters.")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is on screen from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]
    translation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Passage:
    """A segment to be cut into cues: its words with their times, and the translation to be shown below them.

    `boundaries[n]` is how many words of the translation go with the first n words; `until` is when the next passage
    starts.
    """

    words: Sequence[Word]
    text: Text
    translation: Text
    boundaries: Sequence[int]
    until: float = math.inf


def lay_out(transcript: Transcript, options: SubtitleOptions) -> list[Cue]:
    """The cues of a transcript, in order and without overlap."""
    passages = [_passage(segment, options) for segment in _joined(transcript.segments, options)]
    passages = [passage for passage in passages if passage.words]
    starts = [passage.words[0].start for passage in passages]
    cues: list[Cue] = []
    for passage, until in zip(passages, [*starts, math.inf][1:], strict=True):
        cues += _cues(replace(passage, until=until), options)
    return _timed(cues, options)


def _joined(segments: Iterable[Segment], options: SubtitleOptions) -> list[Segment]:
    """Segments that were cut in the middle of a sentence because nobody paused, as one again."""
    joined: list[Segment] = []
    for segment in segments:
        if joined and _goes_on(joined[-1], segment, options):
            words = joined[-1].words + segment.words
            joined[-1] = replace(joined[-1], end=segment.end, text=f"{joined[-1].text} {segment.text}", words=words)
        else:
            joined.append(segment)
    return joined


def _goes_on(segment: Segment, following: Segment, options: SubtitleOptions) -> bool:
    if not (segment.words and following.words and segment.language == following.language):
        return False
    if options.content != "source" and (segment.translation is not None or following.translation is not None):
        return False
    last = segment.words[-1]
    is_open = break_cost(last.text, following.words[0].text, segment.language) > SENTENCE_COST
    return is_open and 0 <= following.words[0].start - last.end < _LONG_PAUSE_S


def _passage(segment: Segment, options: SubtitleOptions) -> _Passage:
    words = _source_words(segment, options)
    text = Text([word.text for word in words], segment.language)
    shows_source = segment.translation is None or options.content == "source"
    target = segment.target_language or "en"
    pieces = [] if shows_source else _pieces(split_text(segment.translation or "", target), options)
    translation = Text(pieces, target)
    if words and (shows_source or options.content == "both"):
        return _Passage(words, text, translation, _borders(text, translation))
    timed = _translated_words(words, text, translation) if words else _spread(pieces, segment)
    return _Passage(timed, translation, Text([], target), [0] * (len(timed) + 1))


def _source_words(segment: Segment, options: SubtitleOptions) -> list[Word]:
    if not segment.words:
        return _spread(_pieces(split_text(segment.text, segment.language), options), segment)
    words = []
    for word in segment.words:
        pieces = _pieces([word.text], options)
        piece_s = (word.end - word.start) / max(1, len(pieces))
        for index, piece in enumerate(pieces):
            start = word.start + index * piece_s
            words.append(Word(piece, start, start + piece_s, word.confidence))
    return words


def _pieces(words: Iterable[str], options: SubtitleOptions) -> list[str]:
    return [piece for word in words for piece in split_word(word, options.max_line_chars)]


def _spread(words: Sequence[str], segment: Segment) -> list[Word]:
    """Words without times of their own, spread over the segment in proportion to their characters."""
    ends = [0, *itertools.accumulate(len(word) + 1 for word in words)]
    char_s = (segment.end - segment.start) / max(1, ends[-1])
    return [
        Word(word, segment.start + start * char_s, segment.start + end * char_s, 0.0)
        for word, (start, end) in zip(words, itertools.pairwise(ends), strict=True)
    ]


def _translated_words(words: Sequence[Word], text: Text, translation: Text) -> list[Word]:
    """The words of a translation, each with the time at which the same share of the source was spoken."""
    source, target = _anchors(text, translation)
    positions = [p for i in range(len(words)) for p in (text.position(i), text.position(i) + text.width(i, i + 1))]
    times = np.maximum.accumulate([time for word in words for time in (word.start, word.end)])

    def spoken(position: float) -> float:
        return float(np.interp(np.interp(position, target, source), positions, times))

    boundaries = [translation.position(i) for i in range(len(translation.words) + 1)]
    return [
        Word(word, spoken(start), spoken(end), 0.0)
        for word, (start, end) in zip(translation.words, itertools.pairwise(boundaries), strict=True)
    ]


def _anchors(text: Text, translation: Text) -> tuple[list[int], list[int]]:
    """Positions in the source and in the translation that belong together: sentence ends if both have as many."""
    ends = [[i for i in range(1, len(t.words)) if t.is_sentence_end(i)] for t in (text, translation)]
    if len(ends[0]) != len(ends[1]):
        ends = [[], []]
    source, target = (
        [t.position(boundary) for boundary in (0, *inner, len(t.words))]
        for t, inner in zip((text, translation), ends, strict=True)
    )
    return source, target


def _borders(text: Text, translation: Text) -> list[int]:
    """For every boundary of the source the one of the translation that is nearest to it in place and in kind."""
    source, target = _anchors(text, translation)
    positions = [translation.position(i) for i in range(len(translation.words) + 1)]
    boundaries = [0]
    for boundary in range(1, len(text.words)):
        wanted = float(np.interp(text.position(boundary), source, target))

        def cost(candidate: int, wanted: float = wanted, kind: float = text.break_cost(boundary)) -> float:
            drift = abs(positions[candidate] - wanted) * _DRIFT_COST_PER_CHAR
            # An article in the source is no reason to break after one in the translation.
            mismatch = translation.break_cost(candidate) - min(kind, WORD_COST)
            return drift + _MISMATCH_WEIGHT * abs(mismatch)

        near = bisect.bisect_left(positions, wanted)
        window = range(max(boundaries[-1], near - _DRIFT_WORDS), min(len(positions), near + _DRIFT_WORDS))
        boundaries.append(min(window, key=cost, default=boundaries[-1]))
    return [*boundaries, len(translation.words)]


def _cues(passage: _Passage, options: SubtitleOptions) -> list[Cue]:
    """Cut a passage into cues at the least total cost, by dynamic programming over where cues end."""
    count = len(passage.words)
    best = [(0.0, 0)]
    for end in range(1, count + 1):
        choices = []
        for start in range(end - 1, -1, -1):
            cost = _cue_cost(passage, start, end, options)
            if cost is not None:
                choices.append((best[start][0] + cost, start))
            elif passage.text.width(start, end) > options.max_lines * (options.max_line_chars + 1):
                break
        best.append(min(choices))
    boundaries = [count]
    while boundaries[-1]:
        boundaries.append(best[boundaries[-1]][1])
    return [cue for start, end in itertools.pairwise(boundaries[::-1]) for cue in _filled(passage, start, end, options)]


def _cue_cost(passage: _Passage, start: int, end: int, options: SubtitleOptions) -> float | None:
    """How badly a cue of the words from `start` up to `end` reads; None where it must not be."""
    words = passage.words
    shares = ((passage.text, start, end), (passage.translation, passage.boundaries[start], passage.boundaries[end]))
    line_costs = [text.line_cost(a, b, options.max_line_chars, options.max_lines) for text, a, b in shares]
    is_single = end - start == 1
    if not is_single and (None in line_costs or words[end - 1].end - words[start].start > options.max_cue_s):
        return None
    cost = _CUE_COST + _LINE_COST * sum(line_cost or 0.0 for line_cost in line_costs)
    following = words[end].start if end < len(words) else passage.until
    shown_s = following - words[start].start
    cost += _LATE_COST_PER_S * max(0.0, options.min_cue_s - shown_s)
    chars = max(text.width(a, b) for text, a, b in shares)
    cost += _HURRY_COST_PER_S * max(0.0, chars / options.chars_per_s - shown_s)
    pauses = (later.start - word.end for word, later in itertools.pairwise(words[start:end]))
    cost += _PAUSE_COST_PER_S * sum(pause for pause in pauses if pause >= _LONG_PAUSE_S)
    if is_single and len(words) > 1 and not passage.text.is_sentence_end(end):
        cost += _ORPHAN_COST
    if any(map(passage.text.is_sentence_end, range(start + 1, end))):
        cost += _TAIL_COST if passage.text.break_cost(end) else _SENTENCES_COST
    break_cost = sum(text.break_cost(b) for text, _, b in shares)
    return cost + break_cost * (_PAUSE_DISCOUNT if following - words[end - 1].end >= _LONG_PAUSE_S else 1.0)


def _filled(passage: _Passage, start: int, end: int, options: SubtitleOptions) -> Iterator[Cue]:
    """The cue of the words from `start` up to `end`; more of them where their translation is too long for one."""
    begin, until = passage.words[start].start, passage.words[end - 1].end
    lines = passage.text.lines(start, end, options.max_line_chars, options.max_lines)
    first, last = passage.boundaries[start], passage.boundaries[end]
    translation = passage.translation.lines(first, last, options.max_line_chars, options.max_lines)
    count = max(1, math.ceil(len(translation) / options.max_lines))
    for index in range(count):
        yield Cue(
            begin + (until - begin) * index / count,
            begin + (until - begin) * (index + 1) / count,
            lines if index == 0 else (),
            translation[index * options.max_lines : (index + 1) * options.max_lines],
        )


def _timed(cues: Sequence[Cue], options: SubtitleOptions) -> list[Cue]:
    """Show each cue long enough to be read, if the next one leaves the room, and never beyond it."""
    timed = []
    earliest = 0.0
    for cue, following in itertools.zip_longest(cues, cues[1:]):
        start = max(cue.start, earliest)
        chars = max(sum(map(cell_len, lines)) for lines in (cue.lines, cue.translation))
        end = max(cue.end, start + max(options.min_cue_s, chars / options.chars_per_s))
        if following is not None:
            room = following.start - options.gap_s
            end = room if end > room - _FLICKER_S else end
        end = max(min(end, start + options.max_cue_s), start + _LEAST_S)
        timed.append(replace(cue, start=start, end=end))
        earliest = end + options.gap_s
    return timed
