"""Subtitle cues from words with times: where to break them, how to fill their lines, how long to show them.

The limits are those of subtitling guidelines (Netflix Timed Text Style Guide, BBC Subtitle Guidelines): two lines of 42
characters, at most seven seconds, at most about twenty characters a second, breaks where the sense breaks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from rich.cells import cell_len

from speech3n.errors import UsageError
from speech3n.types import Segment, Transcript, is_spaced, join_words

Content = Literal["source", "translation", "both"]
_CONTENTS = ("source", "translation", "both")

_SENTENCE_END = (".", "?", "!", "…", "。", "？", "！", '."', '?"', '!"', ".»")
_CLAUSE_END = (",", ";", ":", "、", "，", "–", "—")
_LONG_PAUSE_S = 0.4
_CUE_COST = 2.0
_ORPHAN_COST = 3.0
_INFINITY = float("inf")
# Words that belong to what follows them: articles, prepositions and conjunctions of the five languages.
_PROCLITICS = frozenset(
    """a an the of to in on at by for with from and or but as that my your his her our their this if is
    el la los las un una unos unas de del al en con por para y o que su sus mi tu se si no es lo
    le les des du au aux dans avec pour sur et ou mais mon ton son ne je il elle ce cette est l' d'
    il gli i uno di da nel nella con su per e o che mio suo si non è del della al alla dei
    os as um uma do da dos das no na nos nas em com por e ou que seu sua não é ao à""".split()
)


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """What subtitles show and how: `both` shows the source line and its translation below."""

    content: str = "source"
    max_line_chars: int = 42
    max_lines: int = 2
    max_cue_s: float = 7.0
    min_cue_s: float = 1.0
    chars_per_s: float = 20.0
    gap_s: float = 0.08

    def __post_init__(self) -> None:
        if self.content not in _CONTENTS:
            raise UsageError(f"Subtitles show {', '.join(_CONTENTS)}, not '{self.content}'.")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is on screen from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]
    translation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word, or a piece of one that is longer than a line."""

    text: str
    start: float
    end: float


def lay_out(transcript: Transcript, options: SubtitleOptions) -> list[Cue]:
    """The cues of a transcript, in order and without overlap."""
    cues = [cue for segment in transcript.segments for cue in _segment_cues(segment, options)]
    return _timed(cues, options)


def _segment_cues(segment: Segment, options: SubtitleOptions) -> list[Cue]:
    if segment.translation is None or options.content == "source":
        return _cues(_source_units(segment, options), segment.language, options)
    if options.content == "translation":
        return _cues(_spread(segment.translation.split(), segment, options), "en", options)
    single = replace(options, max_lines=1)
    source = _cues(_source_units(segment, single), segment.language, single)
    shares = _shared_out(_split_long(segment.translation.split(), options), source)
    return [
        replace(cue, translation=_wrap(tuple(share), "en", options) or ())
        for cue, share in zip(source, shares, strict=True)
    ]


def _source_units(segment: Segment, options: SubtitleOptions) -> list[_Unit]:
    if not segment.words:
        words = segment.text.split() if is_spaced(segment.language) else list(segment.text)
        return _spread(words, segment, options)
    units = []
    for word in segment.words:
        pieces = _split_long([word.text], options)
        piece_s = (word.end - word.start) / max(1, len(pieces))
        units += [_Unit(p, word.start + i * piece_s, word.start + (i + 1) * piece_s) for i, p in enumerate(pieces)]
    return units


def _spread(words: Sequence[str], segment: Segment, options: SubtitleOptions) -> list[_Unit]:
    """Words without times of their own, spread over the segment in proportion to their characters."""
    pieces = _split_long(words, options)
    total = sum(len(piece) + 1 for piece in pieces) or 1
    units, position = [], 0
    span = segment.end - segment.start
    for piece in pieces:
        start = segment.start + span * position / total
        position += len(piece) + 1
        units.append(_Unit(piece, start, segment.start + span * position / total))
    return units


def _split_long(words: Sequence[str], options: SubtitleOptions) -> list[str]:
    pieces = []
    for word in " ".join(words).split() if words else []:
        piece = ""
        for char in word:
            if cell_len(piece + char) > options.max_line_chars:
                pieces.append(piece)
                piece = ""
            piece += char
        pieces.append(piece)
    return pieces


def _cues(units: Sequence[_Unit], language: str | None, options: SubtitleOptions) -> list[Cue]:
    """Break units into cues at the least total cost, by dynamic programming over where cues end."""
    best: list[tuple[float, int, tuple[str, ...]]] = [(0.0, 0, ())]
    for end in range(1, len(units) + 1):
        choices = []
        for start in range(end - 1, -1, -1):
            lines = _wrap(tuple(unit.text for unit in units[start:end]), language, options)
            too_long = units[end - 1].end - units[start].start > options.max_cue_s
            if end - start > 1 and (lines is None or too_long):
                break
            cost = best[start][0] + _cue_cost(units, start, end, options)
            choices.append((cost, start, lines or (units[start].text,)))
        best.append(min(choices))
    cues: list[Cue] = []
    end = len(units)
    while end:
        _, start, lines = best[end]
        cues.append(Cue(units[start].start, units[end - 1].end, lines))
        end = start
    return cues[::-1]


def _cue_cost(units: Sequence[_Unit], start: int, end: int, options: SubtitleOptions) -> float:
    cost = _CUE_COST
    shown_s = units[-1].end - units[start].start
    if end < len(units):
        shown_s = units[end].start - units[start].start
        pause = units[end].start - units[end - 1].end >= _LONG_PAUSE_S
        cost += _break_cost(units[end - 1].text) * (0.3 if pause else 1.0)
    chars = sum(cell_len(unit.text) + 1 for unit in units[start:end])
    if end - start == 1 and len(units) > 1:
        cost += _ORPHAN_COST
    cost += max(0.0, chars / options.chars_per_s - shown_s)
    return cost + max(0.0, options.min_cue_s - shown_s)


def _break_cost(before: str) -> float:
    """How badly a break after the word `before` reads."""
    if before.endswith(_SENTENCE_END):
        return 0.0
    if before.endswith(_CLAUSE_END):
        return 1.0
    return 6.0 if before.casefold() in _PROCLITICS else 3.0


@lru_cache(maxsize=4096)
def _wrap(words: tuple[str, ...], language: str | None, options: SubtitleOptions) -> tuple[str, ...] | None:
    """Words as few, balanced lines that break where the sense does; None where they do not fit."""
    whole = join_words(words, language)
    if cell_len(whole) <= options.max_line_chars:
        return (whole,)
    for count in range(2, options.max_lines + 1):
        layouts = []
        for breaks in itertools.combinations(range(1, len(words)), count - 1):
            borders = [0, *breaks, len(words)]
            lines = tuple(join_words(words[a:b], language) for a, b in itertools.pairwise(borders))
            widths = [cell_len(line) for line in lines]
            if max(widths) <= options.max_line_chars:
                unevenness = (max(widths) - min(widths)) / options.max_line_chars
                layouts.append((sum(_break_cost(words[b - 1]) for b in breaks) + 6 * unevenness, lines))
        if layouts:
            return min(layouts)[1]
    return None


def _shared_out(words: Sequence[str], cues: Sequence[Cue]) -> list[list[str]]:
    """The words of a translation, given to the cues in proportion to their source, breaking where the sense does."""
    if not cues:
        return []
    source = list(itertools.accumulate(sum(map(len, cue.lines)) for cue in cues))
    total = sum(len(word) + 1 for word in words) or 1
    position = [0, *itertools.accumulate(len(word) + 1 for word in words)]
    shares: list[list[str]] = []
    taken = 0
    for cue_end in source[:-1]:
        wanted = cue_end / source[-1]

        def cost(border: int, wanted: float = wanted) -> float:
            before = words[border - 1] if border else "."
            return abs(position[border] / total - wanted) * 40 + _break_cost(before)

        border = min(range(taken, len(words) + 1), key=cost)
        shares.append(list(words[taken:border]))
        taken = border
    return [*shares, list(words[taken:])]


def _timed(cues: Sequence[Cue], options: SubtitleOptions) -> list[Cue]:
    """Show each cue long enough to be read, if the next one leaves the room, and never beyond it."""
    timed = []
    earliest = 0.0
    for index, cue in enumerate(cues):
        start = max(cue.start, earliest)
        chars = sum(cell_len(line) for line in cue.lines)
        wanted = max(options.min_cue_s, chars / options.chars_per_s)
        end = min(max(cue.end, start + wanted), start + options.max_cue_s)
        if index + 1 < len(cues):
            following = max(cues[index + 1].start, start)
            end = min(end, max(following - options.gap_s, min(cue.end, following)))
        end = max(end, start)
        timed.append(replace(cue, start=start, end=end))
        earliest = end
    return timed
