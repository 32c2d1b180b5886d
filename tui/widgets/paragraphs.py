"""The text of captions: paragraphs of styled words, wrapped to a width, searchable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

from speech3n.types import Segment, Update, is_spaced, join_words, words_text

Run = tuple[str, str]
"""A text and its style: `committed`, `tentative`, `translation` or `time`."""
Line = tuple[Run, ...]

GUTTER = 8
SIDE_BY_SIDE_CELLS = 96
"""From this width on the translation stands beside the source, below it otherwise."""
_WIDEST_COLUMN = 84
_COLUMN_GAP = 4


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One segment, or the utterance that is going on."""

    start: float
    source: tuple[Run, ...]
    translation: tuple[Run, ...] = ()
    language: str | None = None
    label: str = ""
    """What stands below the time: the language, where it changed."""

    @property
    def text(self) -> str:
        """Source and translation, a line each."""
        lines = ("".join(text for text, _ in runs) for runs in (self.source, self.translation) if runs)
        return "\n".join(lines)


def segment_paragraph(segment: Segment, label: str = "") -> Paragraph:
    """A finished segment."""
    shown = segment.translation if segment.translation != segment.text else None
    translation = ((shown, "translation"),) if shown else ()
    return Paragraph(segment.start, ((segment.text, "committed"),), translation, segment.language, label)


def update_paragraph(update: Update) -> Paragraph | None:
    """The utterance that is going on, or None where there is nothing of it to show."""
    words = (*update.committed, *update.tentative)
    if not words:
        return None
    committed = words_text(update.committed, update.language)
    tentative = words_text(update.tentative, update.language)
    gap = " " if committed and tentative and is_spaced(update.language) else ""
    source: list[Run] = [(committed + gap, "committed"), (tentative, "tentative")]
    done = join_words(update.translation_committed, "en")
    rest = join_words(update.translation_tentative, "en")
    translation: list[Run] = [(done + (" " if done and rest else ""), "translation"), (rest, "tentative")]
    if update.translation_committed == tuple(word.text for word in update.committed):
        translation = []
    return Paragraph(
        words[0].start,
        tuple(run for run in source if run[0]),
        tuple(run for run in translation if run[0]),
        update.language,
    )


@lru_cache(maxsize=8192)
def wrapped(paragraph: Paragraph, width: int) -> tuple[Line, ...]:
    """The lines of a paragraph in `width` cells: time stamp, text, and an empty line after it."""
    room = max(10, width - GUTTER - 2)
    if paragraph.translation and width >= SIDE_BY_SIDE_CELLS:
        column = min(_WIDEST_COLUMN, (room - _COLUMN_GAP) // 2)
        body = list(_beside(_fold(paragraph.source, column), _fold(paragraph.translation, column), column))
    else:
        column = min(_WIDEST_COLUMN * 2, room) if width >= SIDE_BY_SIDE_CELLS else room
        body = [*_fold(paragraph.source, column), *_fold(paragraph.translation, column)]
    gutters = [clock(paragraph.start), paragraph.label, *[""] * len(body)]
    if paragraph.label and len(body) < 2:
        body.append(())
    lines = [((f"{gutter:<{GUTTER}}", "time"), *line) for gutter, line in zip(gutters, body, strict=False)]
    return (*lines, ())


def _beside(left: list[Line], right: list[Line], column: int) -> Iterator[Line]:
    for index in range(max(len(left), len(right))):
        first = left[index] if index < len(left) else ()
        second = right[index] if index < len(right) else ()
        filling = column - sum(cell_len(text) for text, _ in first) + _COLUMN_GAP
        yield (*first, (" " * filling, "committed"), *second)


def _fold(runs: Iterable[Run], width: int) -> list[Line]:
    """Break styled text at spaces, and inside a word only where it is longer than a line or written without spaces."""
    lines: list[Line] = []
    line: list[Run] = []
    used = 0
    for text, style in runs:
        for piece in _pieces(text, width):
            size = cell_len(piece)
            if used and used + cell_len(piece.rstrip()) > width:
                lines.append(tuple(line))
                line, used = [], 0
                piece = piece.lstrip()
                size = cell_len(piece)
            line.append((piece, style))
            used += size
    if line:
        lines.append(tuple(line))
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Words with the space after them; wide characters and too long words character by character."""
    word = ""
    for char in text:
        word += char
        if char == " " or cell_len(char) > 1 or cell_len(word) >= width:
            yield word
            word = ""
    if word:
        yield word


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
