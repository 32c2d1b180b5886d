"""A list to choose from by typing: languages, microphones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from speech3n.tui.finding import folded


@dataclass(frozen=True, slots=True)
class Choice:
    """A value, what it is called, and a quiet remark; all three can be searched for."""

    value: str
    label: str
    remark: str = ""

    def rank(self, query: str) -> int | None:
        """How well it answers a folded query: the lower the better, None where it does not."""
        names = [folded(name) for name in (self.value, self.label, self.remark)]
        if query in names:
            return 0
        if any(name.startswith(query) for name in names):
            return 1
        return 2 if any(query in name for name in names) else None


class Picker(ModalScreen[str | None]):
    """Dismisses with the value that was chosen, or None."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", "Cancel"),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], current: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        """Title, search, list, keys."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-title")
            yield Input(placeholder="Type to search", compact=True)
            yield OptionList(compact=True)
            yield Static("↑ ↓ choose   enter take   esc cancel", classes="dialog-keys")

    def on_mount(self) -> None:
        """Show everything, at what holds now."""
        self._show("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Take what is highlighted."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take what is clicked."""
        self.dismiss(event.option_id)

    def action_move(self, step: str) -> None:
        """Move the highlight without leaving the search."""
        options = self.query_one(OptionList)
        moves: dict[str, Callable[[], None]] = {
            "down": options.action_cursor_down,
            "up": options.action_cursor_up,
            "page_down": options.action_page_down,
            "page_up": options.action_page_up,
        }
        moves[step]()

    def action_cancel(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def _show(self, query: str) -> None:
        wanted = folded(query.strip())
        ranked = [(choice.rank(wanted) if wanted else 0, choice) for choice in self._choices]
        found = [choice for rank, choice in sorted(_known(ranked), key=lambda pair: pair[0])]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._row(choice), id=choice.value) for choice in found])
        values = [choice.value for choice in found]
        at = values.index(self._current) if not wanted and self._current in values else 0
        options.highlighted = at if found else None

    def _row(self, choice: Choice) -> Text:
        mark = "● " if choice.value == self._current else "  "
        row = Text(mark + choice.label, no_wrap=True, overflow="ellipsis")
        if choice.remark:
            row.append(f"  {choice.remark}", "dim")
        return row


def _known(ranked: list[tuple[int | None, Choice]]) -> list[tuple[int, Choice]]:
    return [(rank, choice) for rank, choice in ranked if rank is not None]
