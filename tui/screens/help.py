"""Help: the keys, and what the signs on screen mean."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

_GROUPS = (
    (
        "Captions",
        (
            ("space p", "pause, go on"),
            ("l", "language that is spoken"),
            ("t", "translation on, off"),
            ("q", "finish, save and quit"),
        ),
    ),
    (
        "Reading",
        (
            ("↑ ↓ PgUp PgDn", "read back"),
            ("home  end", "first, newest text"),
            ("/", "search"),
            ("n  N", "next place, the one before"),
            ("d", "dark, light, high contrast"),
            ("b", "large print"),
        ),
    ),
    (
        "Keeping",
        (
            ("c", "copy the selection, or everything"),
            ("s", "save as text, subtitles, JSON"),
        ),
    ),
)
_SIGNS = (
    ("solid", "is final and never changes"),
    ("slanted", "may still change"),
    ("● ━━━──", "someone speaks; how loud"),
    ("lag", "sound that still waits to be recognised"),
    ("RTF", "computing time per second of sound"),
)
_KEY_CELLS = 15


class HelpScreen(ModalScreen[None]):
    """Any of esc, ? and q closes it."""

    COMPONENT_CLASSES = {"help--group", "help--key"}  # noqa: RUF012
    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """One text that scrolls where the terminal is small."""
        with VerticalScroll(classes="dialog"):
            yield Static(id="help-text")

    def on_mount(self) -> None:
        """Write it in the colours of the theme."""
        group, key = (self.get_component_rich_style(f"help--{name}", partial=True) for name in ("group", "key"))
        text = Text()
        for title, rows in (*_GROUPS, ("On screen", _SIGNS)):
            text.append(f"{title}\n", group)
            for name, meaning in rows:
                text.append(f"{name:<{_KEY_CELLS}}", key + _SLANTED if name == "slanted" else key)
                text.append(f"{meaning}\n")
            text.append("\n")
        text.append("esc closes this.", group)
        self.query_one("#help-text", Static).update(text)
        self.query_one(VerticalScroll).focus()


_SLANTED = Style(italic=True, bold=False)
