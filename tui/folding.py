"""Where the text of captions stands: margins, columns, line breaks; lines know which text they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len, get_character_cell_size

from speech3n.tui.paragraphs import Block, Paragraph

SIDE_BY_SIDE_CELLS = 100
"""From this width on the translation stands beside the source, below it otherwise."""
_NARROW_CELLS = 60
"""Below this width there is no room for a column of times."""
_TIME_CELLS = 9
_GAP_CELLS = 5
_MARGIN_CELLS = 2
_MEASURE_CELLS = 84
"""The longest line that is still pleasant to read."""
_LARGE_MEASURE_CELLS = 60
_NO_LINE_START = frozenset("、。，．！？：；」』）】〉》…・ー")

SOURCE, TRANSLATION = 0, 1


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a line in one style: `committed`, `tentative`, `translation`, `time` or `now`."""

    start: int
    end: int
    style: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Characters `first:last` of a block, standing at `position` in a line."""

    position: int
    block: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the caption area, how it is styled and which text it shows."""

    text: str = ""
    spans: tuple[Span, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()


_EMPTY = Line()


@dataclass(frozen=True)
class Frame:
    """The caption area: `width` in cells, with room for a translation or not, in large print or not."""

    width: int
    is_bilingual: bool = False
    is_large: bool = False

    @property
    def is_side_by_side(self) -> bool:
        """Whether source and translation have a column each."""
        return self.is_bilingual and self.width >= SIDE_BY_SIDE_CELLS

    @property
    def has_times(self) -> bool:
        """Whether there is a column of times."""
        return self.width >= _NARROW_CELLS

    @cached_property
    def columns(self) -> tuple[tuple[int, int], ...]:
        """Position and width in cells of the text columns: one or two."""
        margin = _MARGIN_CELLS * (2 if self.is_large and self.has_times else 1) if self.width >= 30 else 0
        times = _TIME_CELLS if self.has_times else 0
        room = max(10, self.width - 2 * margin - times)
        longest = _LARGE_MEASURE_CELLS if self.is_large else _MEASURE_CELLS
        if self.is_side_by_side:
            measure = min(longest - 8, (room - _GAP_CELLS) // 2)
            left = (self.width - times - 2 * measure - _GAP_CELLS) // 2 + times
            return (left, measure), (left + measure + _GAP_CELLS, measure)
        measure = min(longest, room)
        return (((self.width - times - measure) // 2 + times, measure),)

    def lines(self, paragraph: Paragraph) -> tuple[Line, ...]:
        """A paragraph's lines, and an empty one after them."""
        body = list(self._beside(paragraph) if self.is_side_by_side else self._below(paragraph))
        if self.is_large:
            body = [line for text in body for line in (text, _EMPTY)]
        if not self.has_times:
            return (*body, _EMPTY)
        body.append(_EMPTY)
        if paragraph.tag and len(body) > 1:
            body[1] = self._with_time(body[1], paragraph.tag, "time")
        body[0] = self._with_time(body[0], clock(paragraph.start), "now" if paragraph.is_live else "time")
        return tuple(body)

    def _below(self, paragraph: Paragraph) -> Iterator[Line]:
        left, width = self.columns[0]
        for index, block in enumerate((paragraph.source, paragraph.translation)):
            for first, last in fold(block.text, width):
                yield _written(_EMPTY, left, block, Excerpt(left, index, first, last))

    def _beside(self, paragraph: Paragraph) -> Iterator[Line]:
        (left, width), (right, _) = self.columns
        sources, translations = fold(paragraph.source.text, width), fold(paragraph.translation.text, width)
        for number in range(max(len(sources), len(translations))):
            line = _EMPTY
            if number < len(sources):
                line = _written(line, left, paragraph.source, Excerpt(left, SOURCE, *sources[number]))
            if number < len(translations):
                line = _written(line, right, paragraph.translation, Excerpt(right, TRANSLATION, *translations[number]))
            yield line

    def _with_time(self, line: Line, text: str, style: str) -> Line:
        """A line with a time or a tag in front of its text."""
        left = self.columns[0][0]
        start = left - _TIME_CELLS
        filled = line.text or " " * left
        return Line(
            filled[:start] + text.ljust(left - start) + filled[left:],
            (Span(start, start + len(text), style), *line.spans),
            line.excerpts,
        )


def fold(text: str, width: int) -> list[tuple[int, int]]:
    """The lines of a text as ranges of its characters, at most `width` cells wide.

    Lines break at spaces, between wide characters (Chinese, Japanese), and inside a word only where it is longer
    than a line.
    """
    lines: list[tuple[int, int]] = []
    first = last = used = 0
    for start, end in _pieces(text, width):
        piece = text[start:end]
        word = piece.rstrip()
        if not word:  # spaces before the first word
            first = end
            continue
        size = len(word) if word.isascii() else cell_len(word)
        if last > first and used + size > width:
            lines.append((first, last))
            first, used = start, 0
        used += size + len(piece) - len(word)
        last = start + len(word)
    if last > first:
        lines.append((first, last))
    return lines


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _written(line: Line, column: int, block: Block, excerpt: Excerpt) -> Line:
    """A line with an excerpt of a block added at a column."""
    text = line.text + " " * (column - cell_len(line.text))
    position = len(text)
    first, last = excerpt.first, excerpt.last
    middle = position + min(max(block.committed - first, 0), last - first)
    end = position + last - first
    is_source = excerpt.block == SOURCE
    committed, tentative = ("committed", "tentative") if is_source else ("translation", "tentative-translation")
    spans = (Span(position, middle, committed), Span(middle, end, tentative))
    return Line(
        text + block.text[first:last],
        (*line.spans, *(span for span in spans if span.start < span.end)),
        (*line.excerpts, Excerpt(position, excerpt.block, first, last)),
    )


def _pieces(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Words with the space after them; wide characters and the parts of overlong words one by one."""
    for match in re.finditer(r"\S+\s*|\s+", text):
        start, end = match.span()
        word = text[start:end]
        if end - start <= width and (word.isascii() or cell_len(word) == end - start):
            yield start, end
        else:
            yield from _character_pieces(text, start, end, width)


def _character_pieces(text: str, start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Break where it is allowed between characters: after a wide one, unless closing punctuation follows."""
    first, size = start, 0
    for position in range(start, end):
        char = text[position]
        cells = get_character_cell_size(char)
        was_wide = position > first and get_character_cell_size(text[position - 1]) > 1
        may_break = (cells > 1 or was_wide) and char not in _NO_LINE_START
        if position > first and cells and not char.isspace() and (may_break or size + cells > width):
            yield first, position
            first, size = position, 0
        size += cells
    yield first, end
