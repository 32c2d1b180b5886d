"""The caption area: thousands of finished segments and the newest utterance, at the cost of a screenful."""

from __future__ import annotations

from bisect import bisect_right

from rich.segment import Segment as Run
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.paragraphs import Line, Paragraph, wrapped


class Captions(ScrollView, can_focus=True):
    """Follows the newest text until the reader scrolls up; End follows again."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "captions--committed",
        "captions--tentative",
        "captions--translation",
        "captions--time",
        "captions--match",
        "captions--current-match",
    }
    BINDINGS = [Binding("end", "follow", "Newest", show=False)]  # noqa: RUF012
    following: reactive[bool] = reactive(True)

    class FollowingChanged(Message):
        """The reader scrolled away from the newest text, or came back to it."""

        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

    def __init__(self) -> None:
        super().__init__(id="captions")
        self._paragraphs: list[Paragraph] = []
        self._live: Paragraph | None = None
        self._tops: list[int] = []
        self._height = 0
        self._width = 80
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
        if self._query and self._query in paragraph.text.casefold():
            self._matches.append(len(self._paragraphs) - 1)
        self._resize()

    def show_live(self, paragraph: Paragraph | None) -> None:
        """Show the utterance that is going on, or none."""
        if paragraph != self._live:
            self._live = paragraph
            self._resize()

    def search(self, query: str) -> int:
        """Highlight `query` everywhere and go to its newest place; the number of paragraphs that hold it."""
        self._query = query.casefold()
        self._matches = (
            [index for index, paragraph in enumerate(self._paragraphs) if self._query in paragraph.text.casefold()]
            if query
            else []
        )
        self._match = len(self._matches) - 1
        self._show_match()
        self.refresh()
        return len(self._matches)

    def next_match(self, step: int) -> tuple[int, int]:
        """Go to another place of the search; its number from 1 and how many there are."""
        if self._matches:
            self._match = (self._match + step) % len(self._matches)
            self._show_match()
            self.refresh()
        return self._match + 1, len(self._matches)

    def action_follow(self) -> None:
        """Go to the newest text and stay there."""
        self.following = True
        self.scroll_end(animate=False)

    def watch_following(self, following: bool) -> None:
        """Tell the app."""
        self.post_message(self.FollowingChanged(following))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops following, reaching the end follows again."""
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) >= self.max_scroll_y:
            self.following = True
        elif new_value < old_value:
            self.following = False

    def on_resize(self) -> None:
        """Wrap everything anew."""
        self._width = max(20, self.scrollable_content_region.width)
        self._tops.clear()
        self._height = 0
        for paragraph in self._paragraphs:
            self._place(paragraph)
        self._resize()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line_number = y + self.scroll_offset.y
        line, index = self._line(line_number)
        background = self.rich_style
        is_current = bool(self._matches) and index == self._matches[self._match]
        runs = [run for text, name in line for run in self._styled(text, self._style(name), is_current=is_current)]
        width = self.scrollable_content_region.width
        return Strip(runs).adjust_cell_length(width, background).apply_style(background)

    def _line(self, number: int) -> tuple[Line, int]:
        """The content line `number` and the paragraph that it belongs to."""
        width = self._width
        if number >= self._height:
            lines = wrapped(self._live, width) if self._live is not None else ()
            offset = number - self._height
            return (lines[offset] if offset < len(lines) else ()), -1
        index = bisect_right(self._tops, number) - 1
        return wrapped(self._paragraphs[index], width)[number - self._tops[index]], index

    def _styled(self, text: str, style: Style, *, is_current: bool) -> list[Run]:
        """The text with what is searched for highlighted."""
        if not self._query or self._query not in text.casefold():
            return [Run(text, style)]
        match = style + self._style("current-match" if is_current else "match")
        runs, position, folded = [], 0, text.casefold()
        if len(folded) != len(text):
            return [Run(text, match)]
        while (found := folded.find(self._query, position)) >= 0:
            end = found + len(self._query)
            runs += [Run(text[position:found], style), Run(text[found:end], match)]
            position = end
        return [run for run in [*runs, Run(text[position:], style)] if run.text]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"captions--{name}", partial=True)

    def _place(self, paragraph: Paragraph) -> None:
        self._tops.append(self._height)
        self._height += len(wrapped(paragraph, self._width))

    def _resize(self) -> None:
        live_lines = len(wrapped(self._live, self._width)) if self._live is not None else 0
        self.virtual_size = Size(self._width, self._height + live_lines)
        if self.following:
            self.scroll_end(animate=False, immediate=True)
        self.refresh()

    def _show_match(self) -> None:
        if self._matches:
            self.following = False
            self.scroll_to(y=max(0, self._tops[self._matches[self._match]] - 2), animate=False)
