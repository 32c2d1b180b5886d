"""The keys, and what the signs mean."""

from __future__ import annotations

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Label, Static

from tui.widgets.dialog import Dialog

_KEYS = (
    ("space", "pause, go on"),
    ("l", "language that is spoken"),
    ("t", "translation into English on, off"),
    ("/  n  N", "search, next place, place before"),
    ("↑ PgUp Home", "read back"),
    ("End", "follow the newest text again"),
    ("c", "copy what the mouse selected, or all"),
    ("s", "save as: a name and formats of your own"),
    ("d", "dark, light, high contrast"),
    ("q", "finish, save and quit; again: at once"),
)
_SIGNS = (
    ("solid", "text that will not change any more"),
    ("italic", "text that may still change"),
    ("● ○", "someone speaks, nobody speaks"),
    ("lag", "sound that waits to be recognised"),
    ("RTF", "computing time per second of sound"),
)


class HelpScreen(Dialog[None]):
    """Closes with any of its keys."""

    BINDINGS = [Binding("escape,question_mark,q,enter,space", "dismiss", show=False)]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """Two tables."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            dialog.border_subtitle = "Esc close"
            yield Static(_table(_KEYS))
            yield Label("Signs", classes="heading")
            yield Static(_table(_SIGNS))


def _table(rows: tuple[tuple[str, str], ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=11, style="bold")
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table
