"""A list to choose from by typing: languages, microphones."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.widgets.dialog import Dialog


class Picker(Dialog[str | None]):
    """Choices are (value, shown text) pairs; dismisses with a value, or None where nothing was chosen."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        """Title, search, list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "Enter choose   Esc cancel"
            yield Input(placeholder="type to search", compact=True)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        """Show everything, at what holds now."""
        self._show("")
        values = [value for value, _ in self._choices]
        if self._current in values:
            self.query_one(OptionList).highlighted = values.index(self._current)
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Choose what is highlighted."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose with the mouse."""
        self.dismiss(event.option_id)

    def action_move(self, step: int) -> None:
        """Move the highlight without leaving the search."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_cancel(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def _show(self, query: str) -> None:
        wanted = query.strip().casefold()
        found = [(v, text) for v, text in self._choices if wanted in text.casefold() or wanted == v.casefold()]
        # What begins with the search comes first.
        found.sort(key=lambda choice: not (choice[1].casefold().startswith(wanted) or choice[0].casefold() == wanted))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(text, id=value) for value, text in found])
        options.highlighted = 0 if found else None
