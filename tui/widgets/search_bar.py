"""The search: a field, how many places there are, and how to leave."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import var
from textual.widgets import Input, Static

from speech3n.tui.widgets.captions import Captions


class SearchBar(Horizontal):
    """Searches captions while it is typed into; Enter goes back to the text, where n and N go on."""

    is_open: var[bool] = var(False, init=False)

    class Toggled(Message):
        """A search began or ended."""

    def compose(self) -> ComposeResult:
        """Slash, field, count."""
        yield Static("/", id="search-sign")
        yield Input(id="search-field", compact=True, select_on_focus=True)
        yield Static("", id="search-count")

    def open(self) -> None:
        """Show the field, with what was searched for last selected."""
        self.is_open = True
        field = self.query_one(Input)
        field.focus()
        self._search(field.value)

    def close(self) -> None:
        """End the search."""
        self.is_open = False
        self._captions.search("")
        self._captions.focus()

    def go(self, step: int) -> None:
        """Go to the next place (1) or the one before (-1)."""
        self._captions.go_to_match(step)
        self._count()

    def watch_is_open(self, is_open: bool) -> None:
        """Show or hide."""
        self.set_class(is_open, "-shown")
        self.post_message(self.Toggled())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        event.stop()
        if self.is_open:
            self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the text."""
        event.stop()
        self._captions.focus()

    @property
    def _captions(self) -> Captions:
        return self.screen.query_one(Captions)

    def _search(self, query: str) -> None:
        self._captions.search(query)
        self._count()

    def _count(self) -> None:
        """Say which place of how many is shown."""
        number, count = self._captions.match_count
        is_empty = not self.query_one(Input).value.strip()
        text = "" if is_empty else f"{number} of {count}" if count else "not found"
        self.query_one("#search-count", Static).update(text)
