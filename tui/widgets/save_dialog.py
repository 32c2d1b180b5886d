"""Asks under which name and in which formats to save."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Label, Static

from speech3n.errors import UsageError
from speech3n.writers import FORMATS, parse_formats
from tui.widgets.dialog import Dialog


@dataclass(frozen=True, slots=True)
class SaveChoice:
    """Where to save, without suffix, and as what."""

    stem: Path
    formats: str


class SaveDialog(Dialog[SaveChoice | None]):
    """Dismisses with a choice that can be written, or None; says what it will write and what it will replace."""

    BINDINGS = [Binding("escape", "cancel", show=False)]  # noqa: RUF012

    def __init__(self, stem: Path, formats: str) -> None:
        super().__init__()
        self._stem = stem
        self._formats = formats

    def compose(self) -> ComposeResult:
        """Two fields, what they mean, two buttons."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Save as"
            yield Label("File, without suffix")
            yield Input(str(self._stem), id="stem", compact=True)
            yield Label(f"Formats: {', '.join(FORMATS)}", classes="field")
            yield Input(self._formats, id="formats", compact=True)
            yield Static("", id="outlook", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Save (Enter)", variant="primary", id="save", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)

    def on_input_changed(self) -> None:
        """Say what would be written."""
        try:
            choice = self._choice()
        except UsageError as error:
            self._say(str(error), is_wrong=True)
            return
        names = [f"{choice.stem.name}.{format_}" for format_ in parse_formats(choice.formats)]
        replaced = [name for name in names if choice.stem.with_name(name).exists()]
        if replaced:
            self._say(f"Replaces {', '.join(replaced)}", is_wrong=True)
        else:
            self._say(f"Writes {', '.join(names)}", is_wrong=False)

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
        try:
            self.dismiss(self._choice())
        except UsageError as error:
            self._say(str(error), is_wrong=True)

    def _choice(self) -> SaveChoice:
        """What is typed; raises UsageError where it cannot be saved as that."""
        typed = self.query_one("#stem", Input).value.strip()
        formats = self.query_one("#formats", Input).value
        parse_formats(formats)
        stem = Path(typed).expanduser()
        if not typed or typed.endswith(("/", "\\")) or not stem.name:
            raise UsageError("A file name is missing.", "Type one after the folder.")
        return SaveChoice(stem, formats)

    def _say(self, text: str, *, is_wrong: bool) -> None:
        outlook = self.query_one("#outlook", Static)
        outlook.set_class(is_wrong, "wrong")
        outlook.update(text)
