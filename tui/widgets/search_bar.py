"""The search line: what is searched for, and which of how many places is shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class SearchBar(Horizontal):
    """Hidden until it is opened; searches while people type, Enter goes back to reading, Escape ends the search."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "close", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
    ]

    class Changed(Message):
        """Something else is searched for; nothing where `query` is empty."""

        def __init__(self, query: str) -> None:
            super().__init__()
            self.query = query

    class Step(Message):
        """Another place is wanted: 1 is the next one, -1 the one before."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Left(Message):
        """Back to reading."""

    def __init__(self) -> None:
        super().__init__(id="search-bar", classes="hidden")

    def compose(self) -> ComposeResult:
        """A slash, the text, the count."""
        yield Label("/", id="search-mark")
        yield Input(placeholder="search", id="search", compact=True)
        yield Label("", id="search-count")

    @property
    def is_open(self) -> bool:
        """Whether a search is going on."""
        return not self.has_class("hidden")

    def open(self) -> None:
        """Show the line and type into it."""
        self.remove_class("hidden")
        entry = self.query_one(Input)
        entry.focus()
        entry.select_all()

    def action_close(self) -> None:
        """End the search."""
        self.add_class("hidden")
        self.query_one(Input).value = ""
        self.post_message(self.Left())

    def action_step(self, step: int) -> None:
        """Go to another place without leaving the line."""
        self.post_message(self.Step(step))

    def show_place(self, number: int, count: int) -> None:
        """Say which place is shown, counted from 1; 0 of 0 where there is none."""
        if not self.query_one(Input).value:
            text = ""
        elif count:
            text = f"{number} of {count}   n next   N previous   Esc close"
        else:
            text = "not found   Esc close"
        self.query_one("#search-count", Label).update(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while people type."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the search and go back to reading."""
        event.stop()
        if event.value:
            self.post_message(self.Left())
        else:
            self.action_close()
