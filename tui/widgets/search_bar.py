"""The search: a field, how many places there are, and how to leave."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class SearchBar(Horizontal):
    """Searches while it is typed into; Enter goes back to the captions, where n and N go on."""

    class Changed(Message):
        """What is searched for changed."""

        def __init__(self, query: str) -> None:
            super().__init__()
            self.query = query

    class Done(Message):
        """The reader has typed what to search for."""

    def compose(self) -> ComposeResult:
        """Slash, field, count."""
        yield Static("/", id="search-sign")
        yield Input(id="search-field", compact=True, select_on_focus=True)
        yield Static("", id="search-count")

    @property
    def is_open(self) -> bool:
        """Whether a search is going on."""
        return self.has_class("-shown")

    def open(self) -> None:
        """Show the field, with what was searched for last selected."""
        self.add_class("-shown")
        field = self.query_one(Input)
        field.focus()
        self.post_message(self.Changed(field.value))

    def close(self) -> None:
        """End the search."""
        self.remove_class("-shown")

    def show_count(self, number: int, count: int) -> None:
        """Say which place of how many is shown."""
        is_empty = not self.query_one(Input).value.strip()
        text = "" if is_empty else f"{number} of {count}" if count else "not found"
        self.query_one("#search-count", Static).update(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the text."""
        event.stop()
        self.post_message(self.Done())
