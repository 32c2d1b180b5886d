"""The caption area: thousands of finished segments and the newest utterance, at the cost of a screenful."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from rich.segment import Segment as Run
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.widgets.folding import fold, places
from tui.widgets.paragraphs import GUTTER, Line, Paragraph, wrapped

_CONTEXT_LINES = 2
"""Lines above a place that was searched for."""


class Captions(ScrollView, can_focus=True):
    """Follows the newest text until the reader scrolls up; End follows again."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "captions--committed",
        "captions--tentative",
        "captions--translation",
        "captions--translation-tentative",
        "captions--time",
        "captions--match",
        "captions--current-match",
    }
    BINDINGS = [Binding("end", "follow", show=False)]  # noqa: RUF012

    class Following(Message):
        """Whether the newest text is followed, and if not, whether there is some that was not seen yet."""

        def __init__(self, following: bool, has_news: bool) -> None:
            super().__init__()
            self.following = following
            self.has_news = has_news

    def __init__(self) -> None:
        super().__init__(id="captions")
        self._paragraphs: list[Paragraph] = []
        self._live: Paragraph | None = None
        self._tops: list[int] = []
        self._height = 0
        """Lines of all finished paragraphs."""
        self._placed_width = 0
        self._following = True
        self._query = ""
        self._matches: list[int] = []
        self._match = -1

    @property
    def text(self) -> str:
        """All captions, paragraphs separated by empty lines."""
        live = [self._live] if self._live is not None else []
        return "\n\n".join(paragraph.text for paragraph in (*self._paragraphs, *live))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read yet."""
        return not self._paragraphs and self._live is None

    def append(self, paragraph: Paragraph) -> None:
        """Add a finished segment in place of the utterance that was going on."""
        self._live = None
        self._place(paragraph)
        self._paragraphs.append(paragraph)
        if self._query and paragraph.holds(self._query):
            self._matches.append(len(self._paragraphs) - 1)
        self._show_newest()

    def show_live(self, paragraph: Paragraph | None) -> None:
        """Show the utterance that is going on, or none."""
        if paragraph != self._live:
            self._live = paragraph
            self._show_newest()

    def search(self, query: str) -> None:
        """Highlight `query` everywhere and go to the last place above or in what is on screen."""
        self._query = fold(query)
        self._matches = [
            index for index, paragraph in enumerate(self._paragraphs) if query and paragraph.holds(self._query)
        ]
        last_seen = self._index_at(self.scroll_offset.y + self.size.height - 1)
        self._match = bisect_right(self._matches, last_seen) - 1
        if self._matches and self._match < 0:
            self._match = 0
        self._show_match()

    def step(self, step: int) -> None:
        """Go to the next place of the search (1) or the one before (-1), around the ends."""
        if self._matches:
            self._match = (self._match + step) % len(self._matches)
            self._show_match()

    @property
    def place(self) -> tuple[int, int]:
        """Which place of the search is shown, from 1, and how many there are; (0, 0) where there is none."""
        return self._match + 1, len(self._matches)

    def action_follow(self) -> None:
        """Go to the newest text and stay there."""
        self._follow(True)
        self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops following, reaching the end follows again."""
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) >= self.max_scroll_y:
            self._follow(True)
        elif new_value < old_value:
            self._follow(False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap everything anew where the width changed, keeping the reader's place."""
        if self._wrap_width != self._placed_width:
            seen = self._index_at(self.scroll_offset.y)
            self._placed_width = self._wrap_width
            self._tops.clear()
            self._height = 0
            for paragraph in self._paragraphs:
                self._place(paragraph)
            self._resize()
            if not self._following and seen >= 0:
                self.scroll_to(y=self._tops[seen], animate=False, immediate=True)
        if self._following:
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        number = y + self.scroll_offset.y
        line, index = self._line(number)
        is_current = self._match >= 0 and index == self._matches[self._match]
        text = "".join(part for part, _ in line)
        marks = [(start, end, self._match_style(is_current)) for start, end in places(fold(text), self._query)]
        if is_current and line and line[0][0].strip():
            marks.append((0, len(line[0][0].rstrip()), self._match_style(True)))
        if (span := self._selected(number, line)) is not None:
            marks.append((*span, self.screen.get_component_rich_style("screen--selection")))
        base = self.rich_style
        strip = Strip(_marked([(part, self._style(name)) for part, name in line], marks)).apply_style(base)
        return strip.adjust_cell_length(self.size.width, base).apply_offsets(0, number)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text without time stamps; of two columns the one in which the selection began."""
        first = selection.start.y if selection.start is not None else 0
        last = selection.end.y if selection.end is not None else self.virtual_size.height
        selected = []
        for number in range(first, min(last + 1, self.virtual_size.height)):
            line, _ = self._line(number)
            span = self._span(selection, number, line)
            selected.append("".join(text for text, _ in line)[slice(*span)].rstrip() if span else "")
        return "\n".join(selected).strip("\n"), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected."""
        self.refresh()

    def _selected(self, number: int, line: Line) -> tuple[int, int] | None:
        selection = self.text_selection
        return self._span(selection, number, line) if selection is not None else None

    def _span(self, selection: Selection, number: int, line: Line) -> tuple[int, int] | None:
        """The characters (start, end) of a line that a selection covers, within one column."""
        span = selection.get_span(number)
        if span is None:
            return None
        start, end = span
        length = sum(len(text) for text, _ in line)
        first, last = max(GUTTER, start), length if end == -1 else min(end, length)
        if (gap := _gap(line)) is not None:
            if selection.start is not None and self._is_right(selection.start.y, selection.start.x):
                first = max(first, gap[1])
            else:
                last = min(last, gap[0])
        return (first, last) if first < last else None

    def _is_right(self, number: int, character: int) -> bool:
        gap = _gap(self._line(number)[0])
        return gap is not None and character >= gap[1]

    def _line(self, number: int) -> tuple[Line, int]:
        """The content line `number` and the paragraph that it belongs to, -1 for none that is finished."""
        width = self._wrap_width
        if number >= self._height:
            lines = wrapped(self._live, width) if self._live is not None else ()
            offset = number - self._height
            return (lines[offset] if offset < len(lines) else ()), -1
        index = self._index_at(number)
        return wrapped(self._paragraphs[index], width)[number - self._tops[index]], index

    def _index_at(self, number: int) -> int:
        """The finished paragraph at or above a content line, -1 where there is none."""
        return bisect_right(self._tops, number) - 1

    def _style(self, name: str) -> Style:
        return Style() if name == "gap" else self.get_component_rich_style(f"captions--{name}", partial=True)

    def _match_style(self, is_current: bool) -> Style:
        return self.get_component_rich_style(f"captions--{'current-' if is_current else ''}match", partial=True)

    def _place(self, paragraph: Paragraph) -> None:
        self._tops.append(self._height)
        self._height += len(wrapped(paragraph, self._wrap_width))

    def _show_newest(self) -> None:
        """Draw what changed at the end; a reader who is further up sees that it is there."""
        top = self._live_top
        if self._resize():
            self.refresh()
        else:
            self.refresh_lines(top, self.virtual_size.height - top)
        if self._following:
            self.scroll_end(animate=False, immediate=True, force=True)
        else:
            self.post_message(self.Following(False, has_news=True))

    @property
    def _live_top(self) -> int:
        return self._tops[-1] if self._live is None and self._tops else self._height

    def _resize(self) -> bool:
        """Give the scroll bar the height of the text; whether it changed."""
        live_lines = len(wrapped(self._live, self._wrap_width)) if self._live is not None else 0
        size = Size(self._wrap_width, self._height + live_lines)
        changed = size != self.virtual_size
        self.virtual_size = size
        return changed

    def _show_match(self) -> None:
        if self._match >= 0:
            top = self._tops[self._matches[self._match]]
            self.scroll_to(y=max(0, top - _CONTEXT_LINES), animate=False)
        self.refresh()

    def _follow(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.post_message(self.Following(following, has_news=False))

    @property
    def _wrap_width(self) -> int:
        return self.scrollable_content_region.width or 80


def _gap(line: Line) -> tuple[int, int] | None:
    """The characters (start, end) between two columns of a line."""
    position = 0
    for text, name in line:
        if name == "gap":
            return position, position + len(text)
        position += len(text)
    return None


def _marked(parts: list[tuple[str, Style]], marks: list[tuple[int, int, Style]]) -> list[Run]:
    """Styled parts with marks (start, end, style) laid over them."""
    borders = sorted({border for start, end, _ in marks for border in (start, end)})
    runs: list[Run] = []
    position = 0
    for text, style in parts:
        cuts = [0, *(b - position for b in borders if 0 < b - position < len(text)), len(text)]
        for start, end in pairwise(cuts):
            marked = style
            for first, last, mark in marks:
                if first <= position + start < last:
                    marked += mark
            runs.append(Run(text[start:end], marked))
        position += len(text)
    return runs
