"""Small screens over the captions: save as, help, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static


@dataclass(frozen=True)
class SaveChoice:
    """Where to save, without suffix, and what."""

    stem: Path
    formats: str


class SaveDialog(ModalScreen[SaveChoice | None]):
    """Asks for a file name and formats."""

    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012

    def __init__(self, stem: Path, formats: str) -> None:
        super().__init__()
        self._stem = stem
        self._formats = formats

    def compose(self) -> ComposeResult:
        """Two fields and two buttons."""
        with Vertical(classes="dialog"):
            yield Label("Save the transcript as", classes="dialog-title")
            yield Label("File, without suffix", classes="field")
            yield Input(str(self._stem), id="stem")
            yield Label("Formats: txt, srt, vtt, tsv, json", classes="field")
            yield Input(self._formats, id="formats")
            with Horizontal(classes="buttons"):
                yield Button("Save", variant="primary", id="save")
                yield Button("Cancel", id="cancel")

    def on_input_submitted(self) -> None:
        """Enter saves."""
        self._save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Save or cancel."""
        if event.button.id == "save":
            self._save()
        else:
            self.dismiss(None)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def _save(self) -> None:
        stem = Path(self.query_one("#stem", Input).value).expanduser()
        self.dismiss(SaveChoice(stem, self.query_one("#formats", Input).value))


class HelpScreen(ModalScreen[None]):
    """The keys, and what the signs mean."""

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]  # noqa: RUF012
    KEYS = (
        ("space", "pause or go on listening"),
        ("l", "language that is spoken"),
        ("t", "translation to English on or off"),
        ("/  n  N", "search, next, previous"),
        ("↑ ↓ PgUp PgDn Home", "read back; End follows again"),
        ("c", "copy all text"),
        ("s", "save as"),
        ("d", "dark, light, high contrast"),
        ("q", "quit; everything is saved"),
    )

    def compose(self) -> ComposeResult:
        """A table of keys."""
        table = Table.grid(padding=(0, 2))
        for key, meaning in self.KEYS:
            table.add_row(f"[b]{key}[/b]", meaning)
        with Vertical(classes="dialog"):
            yield Label("Keys", classes="dialog-title")
            yield Static(table)
            yield Static(
                "Solid text is final. Dimmed text may still change.\n● someone speaks   lag: how far behind",
                classes="field",
            )


class ErrorScreen(ModalScreen[str]):
    """What went wrong and what to do; dismisses with `retry`, `device` or `quit`."""

    BINDINGS = [  # noqa: RUF012
        Binding("r", "choose('retry')", "Retry"),
        Binding("m", "choose('device')", "Microphone"),
        Binding("q,escape", "choose('quit')", "Quit"),
    ]

    def __init__(self, message: str, hint: str, *, can_choose_device: bool) -> None:
        super().__init__()
        self._message = message
        self._hint = hint
        self._can_choose_device = can_choose_device

    def compose(self) -> ComposeResult:
        """Message, hint, buttons."""
        with Vertical(classes="dialog error"):
            yield Label("This did not work", classes="dialog-title")
            yield Static(self._message, markup=False, id="message")
            yield Static(self._hint, markup=False, id="hint")
            with Horizontal(classes="buttons"):
                yield Button("Retry (r)", variant="primary", id="retry")
                if self._can_choose_device:
                    yield Button("Microphone (m)", id="device")
                yield Button("Quit (q)", id="quit")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The mouse's way."""
        self.dismiss(event.button.id or "quit")

    def action_choose(self, choice: str) -> None:
        """The keyboard's way."""
        if choice != "device" or self._can_choose_device:
            self.dismiss(choice)
