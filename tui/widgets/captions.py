"""The caption area: hours of text at the cost of a screenful, followed, read back, searched, selected."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from rich.text import Text
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from speech3n.tui.finding import folded, places
from speech3n.tui.folding import Frame, Line
from speech3n.tui.paragraphs import Block, Paragraph, Script

Place = tuple[int, int, int]
"""Where something was found: paragraph, block (source, translation), first character."""


class Captions(ScrollView, can_focus=True):
    """Shows a Script and follows its newest text until the reader scrolls up; the end is followed again.

    Closed paragraphs are broken into lines once for each width; an update costs the lines of the last paragraph.
    """

    ALLOW_SELECT = True
    BINDINGS = [Binding("end", "follow", show=False)]  # noqa: RUF012
    COMPONENT_CLASSES = {  # noqa: RUF012
        "captions--committed",
        "captions--tentative",
        "captions--translation",
        "captions--tentative-translation",
        "captions--time",
        "captions--now",
        "captions--match",
        "captions--current-match",
    }
    following: reactive[bool] = reactive(True, repaint=False)
    has_news: reactive[bool] = reactive(False, repaint=False)
    """Whether text has come that the reader, who scrolled up, has not seen."""
    is_bilingual: var[bool] = var(False)
    is_large: var[bool] = var(False)

    class ViewChanged(Message):
        """Columns moved, or whether the newest text is followed changed, or whether news wait below."""

    def __init__(self, script: Script) -> None:
        super().__init__(id="captions")
        self._script = script
        self._lines: list[tuple[Line, ...]] = []
        self._tops: list[int] = []
        self._height = 0
        self._tail: list[Line] = []
        self._tail_tops: list[int] = []
        self._query = ""
        self._found: list[Place] = []
        self._searched = 0
        self._current: Place | None = None

    @property
    def frame(self) -> Frame:
        """Where text stands at the present size."""
        return Frame(max(12, self.scrollable_content_region.width), self.is_bilingual, self.is_large)

    def show(self, script: Script) -> None:
        """Show another script from its beginning."""
        self._script = script
        self._found.clear()
        self._searched, self._current = 0, None
        self.following = True
        self._fold_anew()

    def refresh_script(self) -> None:
        """Show what is new in the script."""
        frame = self.frame
        for paragraph in self._script.closed[len(self._lines) :]:
            self._place(frame.lines(paragraph))
        self._fold_tail(frame)
        self._search_on()
        if not self.following:
            self.has_news = True
        self._fit()

    def follow(self) -> None:
        """Go to the newest text and stay there."""
        self.following = True
        # `force`: a scrollbar that is only about to appear would else forbid it.
        self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)
        self.call_after_refresh(self._point_scrollbar)

    def _point_scrollbar(self) -> None:
        """Scrolling does not reach a scrollbar that was not there yet."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def action_follow(self) -> None:
        """The End key."""
        self.follow()

    def search(self, query: str) -> None:
        """Highlight a text wherever it is and go to the newest place; an empty one ends the search."""
        self._query = folded(query.strip())
        self._found, self._searched, self._current = [], 0, None
        self._search_on()
        places = self._places()
        if places:
            self._go_to(places[-1])
        self.refresh()

    def go_to_match(self, step: int) -> None:
        """Go to the next place (1) or the one before (-1), around the ends."""
        found = self._places()
        if found:
            index = found.index(self._current) if self._current in found else -step
            self._go_to(found[(index + step) % len(found)])

    @property
    def match_count(self) -> tuple[int, int]:
        """Number of the place shown, from 1, and how many there are."""
        found = self._places()
        return (found.index(self._current) + 1 if self._current in found else 0), len(found)

    def first_line(self, index: int) -> int:
        """The number of the first line of a paragraph, counted from the beginning of everything."""
        tops = [*self._tail_tops, self._height]
        return self._tops[index] if index < len(self._tops) else tops[min(index - len(self._tops), len(tops) - 1)]

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        number = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        base = self.rich_style
        line, index = self._line(number)
        text = Text(line.text, no_wrap=True, end="")
        for span in line.spans:
            text.stylize(self.get_component_rich_style(f"captions--{span.style}", partial=True), span.start, span.end)
        if self._query and index >= 0:
            self._highlight(text, line, index)
        selection = self.text_selection
        if selection is not None and (selected := selection.get_span(number)) is not None:
            start, end = selected
            style = self.screen.get_component_rich_style("screen--selection")
            text.stylize(style, start, len(line.text) if end == -1 else end)
        runs = (run for run in text.render(self.app.console) if run.text)
        strip = Strip(runs).apply_style(base).adjust_cell_length(width, base)
        return strip.apply_offsets(0, number)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text: without time stamps, paragraphs as the reader sees them."""
        start, end = selection
        total = self._height + len(self._tail)
        first = max(0, start.y if start is not None else 0)
        last = min(total - 1, end.y if end is not None else total - 1)
        lines = []
        for number in range(first, last + 1):
            span = selection.get_span(number)
            line, _ = self._line(number)
            begin, stop = span if span is not None else (0, 0)
            begin = max(begin, line.excerpts[0].position if line.excerpts else 0)
            lines.append(line.text[begin : None if stop == -1 else stop].rstrip())
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops following, reaching the end follows again."""
        super().watch_scroll_y(old_value, new_value)
        self.following = round(new_value) >= self.max_scroll_y

    def watch_following(self, following: bool) -> None:
        """At the end nothing is news."""
        if following:
            self.has_news = False
        self.post_message(self.ViewChanged())

    def watch_has_news(self) -> None:
        """Tell the app."""
        self.post_message(self.ViewChanged())

    def watch_is_bilingual(self) -> None:
        """Columns changed."""
        self._fold_anew()

    def watch_is_large(self, is_large: bool) -> None:
        """Spacing changed."""
        self.set_class(is_large, "-large")
        self._fold_anew()

    def on_resize(self) -> None:
        """The width may have changed; the reader stays at the same text."""
        self._fold_anew()

    def _fold_anew(self) -> None:
        """Break everything into lines for the present width, keeping the paragraph at the top in place."""
        if not self.is_mounted:
            return
        following, (_, top) = self.following, self._line(self.scroll_offset.y)
        self._lines.clear()
        self._tops.clear()
        self._height = 0
        frame = self.frame
        for paragraph in self._script.closed:
            self._place(frame.lines(paragraph))
        self._fold_tail(frame)
        self.following = following
        self._fit()
        if not following and top >= 0:
            self.scroll_to(y=self.first_line(top), animate=False, immediate=True, force=True)
        self.post_message(self.ViewChanged())

    def _fold_tail(self, frame: Frame) -> None:
        self._tail, self._tail_tops = [], []
        for paragraph in self._script.tail:
            self._tail_tops.append(self._height + len(self._tail))
            self._tail += frame.lines(paragraph)

    def _place(self, lines: tuple[Line, ...]) -> None:
        self._lines.append(lines)
        self._tops.append(self._height)
        self._height += len(lines)

    def _fit(self) -> None:
        """Make room for what there is, and follow."""
        following = self.following
        self.virtual_size = Size(self.scrollable_content_region.width, self._height + len(self._tail))
        if following:
            self.follow()
        self.refresh()

    def _line(self, number: int) -> tuple[Line, int]:
        """Line `number` of everything and the paragraph it belongs to, -1 beyond the end."""
        if number < self._height:
            index = bisect_right(self._tops, number) - 1
            return self._lines[index][number - self._tops[index]], index
        offset = number - self._height
        if offset < len(self._tail):
            return self._tail[offset], len(self._lines) + bisect_right(self._tail_tops, number) - 1
        return Line(), -1

    def _paragraph(self, index: int) -> Paragraph:
        closed = self._script.closed
        return closed[index] if index < len(closed) else self._script.tail[index - len(closed)]

    def _search_on(self) -> None:
        """Search the paragraphs that were closed since the last time."""
        if self._query:
            for index in range(self._searched, len(self._script.closed)):
                self._found += _places_in(self._script.closed[index], index, self._query)
            self._searched = len(self._script.closed)

    def _places(self) -> list[Place]:
        if not self._query:
            return []
        closed = len(self._script.closed)
        tail = enumerate(self._script.tail, closed)
        return [*self._found, *(place for index, each in tail for place in _places_in(each, index, self._query))]

    def _go_to(self, place: Place) -> None:
        """Make a place the current one and bring it into view, with some text before it."""
        self._current = place
        index, block, first = place
        lines = [*self._lines, *(self.frame.lines(paragraph) for paragraph in self._script.tail)][index]
        shown = ((number, excerpt) for number, line in enumerate(lines) for excerpt in line.excerpts)
        offset = next((n for n, e in shown if e.block == block and e.first <= first < e.last), 0)
        row = self.first_line(index) + offset
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= row < self.scroll_offset.y + height - 1:
            self.scroll_to(y=max(0, row - height // 3), animate=False, immediate=True, force=True)
        self.refresh()

    def _highlight(self, text: Text, line: Line, index: int) -> None:
        """Mark what is searched for, also where it runs over the end of a line."""
        paragraph = self._paragraph(index)
        for excerpt in line.excerpts:
            block = _blocks(paragraph)[excerpt.block]
            for first, last in places(block.text, self._query):
                start = excerpt.position + max(first, excerpt.first) - excerpt.first
                end = excerpt.position + min(last, excerpt.last) - excerpt.first
                if start < end:
                    is_current = self._current == (index, excerpt.block, first)
                    name = "current-match" if is_current else "match"
                    text.stylize(self.get_component_rich_style(f"captions--{name}"), start, end)


def _blocks(paragraph: Paragraph) -> tuple[Block, Block]:
    return paragraph.source, paragraph.translation


def _places_in(paragraph: Paragraph, index: int, query: str) -> Iterator[Place]:
    for number, block in enumerate(_blocks(paragraph)):
        for first, _ in places(block.text, query):
            yield index, number, first
