"""The text of captions: paragraphs of styled words, wrapped to a width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

from speech3n.types import Segment, Update, is_spaced, join_words, words_text
from tui.widgets.folding import fold

Run = tuple[str, str]
"""A text and its style: `committed`, `tentative`, `translation`, `translation-tentative`, `time` or `gap`."""
Line = tuple[Run, ...]

GUTTER = 9
"""Cells before the text, for time stamps."""
SIDE_BY_SIDE_CELLS = 96
"""From this width on the translation stands beside the source, below it otherwise."""
_NARROWEST = 10
_WIDEST_COLUMN = 88
"""Longer lines are hard to read: the eye loses the next one."""
_COLUMN_GAP = 4
_MARGIN = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One segment, or the utterance that is going on; `start` is None where there is no time to show."""

    start: float | None
    source: tuple[Run, ...]
    translation: tuple[Run, ...] = ()
    label: str = ""
    """What stands below the time: the language, where it changed."""

    @property
    def text(self) -> str:
        """Source and translation, a line each."""
        lines = ("".join(text for text, _ in runs) for runs in (self.source, self.translation) if runs)
        return "\n".join(lines)

    def holds(self, folded_query: str) -> bool:
        """Whether a folded query occurs in it."""
        return folded_query in fold(self.text)


def segment_paragraph(segment: Segment, label: str = "") -> Paragraph:
    """A finished segment."""
    shown = segment.translation if segment.translation != segment.text else None
    translation = ((shown, "translation"),) if shown else ()
    return Paragraph(segment.start, ((segment.text, "committed"),), translation, label)


def update_paragraph(update: Update) -> Paragraph | None:
    """The utterance that is going on, or None where there is nothing of it to show."""
    words = (*update.committed, *update.tentative)
    if not words:
        return None
    committed = words_text(update.committed, update.language)
    tentative = words_text(update.tentative, update.language)
    source = _runs(committed, tentative, "committed", "tentative", is_spaced(update.language))
    done = join_words(update.translation_committed, "en")
    rest = join_words(update.translation_tentative, "en")
    translation = _runs(done, rest, "translation", "translation-tentative", True)
    shows_the_same = (*update.translation_committed, *update.translation_tentative) == tuple(w.text for w in words)
    return Paragraph(words[0].start, source, () if shows_the_same else translation)


def _runs(done: str, rest: str, style: str, rest_style: str, spaced: bool) -> tuple[Run, ...]:
    gap = " " if spaced and done and rest else ""
    return tuple(run for run in ((done + gap, style), (rest, rest_style)) if run[0])


@lru_cache(maxsize=2048)
def wrapped(paragraph: Paragraph, width: int) -> tuple[Line, ...]:
    """The lines of a paragraph in `width` cells: time stamp, text, and an empty line after it."""
    room = max(_NARROWEST, width - GUTTER - _MARGIN)
    if paragraph.translation and width >= SIDE_BY_SIDE_CELLS:
        column = min(_WIDEST_COLUMN, (room - _COLUMN_GAP) // 2)
        body = list(_beside(_fold(paragraph.source, column), _fold(paragraph.translation, column), column))
    else:
        column = min(_WIDEST_COLUMN, room)
        body = [*_fold(paragraph.source, column), *_fold(paragraph.translation, column)]
    stamp = "" if paragraph.start is None else clock(paragraph.start)
    if paragraph.label and len(body) < 2:
        body.append(())
    gutters = [stamp, paragraph.label, *[""] * len(body)]
    lines = [((f"{gutter:<{GUTTER}}", "time"), *line) for gutter, line in zip(gutters, body, strict=False)]
    return (*lines, ())


def _beside(left: list[Line], right: list[Line], column: int) -> Iterator[Line]:
    for index in range(max(len(left), len(right))):
        first = left[index] if index < len(left) else ()
        second = right[index] if index < len(right) else ()
        filling = column - sum(cell_len(text) for text, _ in first) + _COLUMN_GAP
        yield (*first, (" " * filling, "gap"), *second)


def _fold(runs: Iterable[Run], width: int) -> list[Line]:
    """Break styled text at spaces, and inside a word only where it is longer than a line or written without spaces."""
    lines: list[Line] = []
    line: list[Run] = []
    used = 0
    for text, style in runs:
        for piece in _pieces(text, width):
            word = piece.rstrip(" ")
            size = cell_len(word)
            if used + size > width and used:
                lines.append(tuple(line))
                line, used = [], 0
            if not used and not word:
                continue
            if line and line[-1][1] == style:
                line[-1] = (line[-1][0] + piece, style)
            else:
                line.append((piece, style))
            used += size + len(piece) - len(word)
    if line:
        lines.append(tuple(line))
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Words with the space after them; wide characters and words that are too long character by character."""
    *words, last = text.split(" ")
    for word, space in [*((word, " ") for word in words), (last, "")]:
        cells = cell_len(word)
        if cells > width or cells > len(word):
            yield from word
            yield space
        else:
            yield word + space


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
