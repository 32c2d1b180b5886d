"""Save as: where, and in which formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from speech3n.formats.writers import FORMATS

_NAMES = {"txt": "text", "srt": "SubRip", "vtt": "WebVTT", "tsv": "table", "json": "everything"}


@dataclass(frozen=True)
class SaveChoice:
    """Where to save, without suffix, and what, as a list such as `srt,json`."""

    stem: Path
    formats: str

    @property
    def paths(self) -> list[Path]:
        """The files that it means."""
        return [self.stem.with_name(f"{self.stem.name}.{format_}") for format_ in self.formats.split(",")]


class SaveDialog(ModalScreen[SaveChoice | None]):
    """Asks for a file name and formats, and once more before files are replaced."""

    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012

    def __init__(self, stem: Path, formats: tuple[str, ...]) -> None:
        super().__init__()
        self._stem = stem
        self._formats = formats
        self._confirmed: SaveChoice | None = None

    def compose(self) -> ComposeResult:
        """A field, a box for each format, two buttons."""
        with Vertical(classes="dialog"):
            yield Static("Save the transcript as", classes="dialog-title")
            yield Input(str(self._stem), id="stem", compact=True, select_on_focus=False)
            with Horizontal(id="formats"):
                for name in FORMATS:
                    box = Checkbox(name, name in self._formats, id=f"format-{name}", compact=True)
                    box.tooltip = _NAMES.get(name)
                    yield box
            yield Static("", id="remark", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Save", variant="primary", id="save", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
            yield Static("tab next   space choose   enter save   esc cancel", classes="dialog-keys")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one("#stem", Input).focus()

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
        """Save nothing."""
        self.dismiss(None)

    def _save(self) -> None:
        choice = self._choice()
        if not choice.stem.name or choice.stem.is_dir():
            self._remark("Give a file name.")
        elif not choice.formats:
            self._remark("Choose at least one format.")
        elif (existing := [path.name for path in choice.paths if path.exists()]) and choice != self._confirmed:
            self._confirmed = choice
            self._remark(f"{', '.join(existing)} exists. Save again to replace it.")
        else:
            self.dismiss(choice)

    def _choice(self) -> SaveChoice:
        """What the dialog says; a suffix that is typed is a format too."""
        path = Path(self.query_one("#stem", Input).value.strip()).expanduser()
        chosen = [name for name in FORMATS if self.query_one(f"#format-{name}", Checkbox).value]
        if path.suffix[1:].lower() in FORMATS:
            chosen = list(dict.fromkeys([*chosen, path.suffix[1:].lower()]))
            path = path.with_suffix("")
        return SaveChoice(path, ",".join(chosen))

    def _remark(self, text: str) -> None:
        self.query_one("#remark", Static).update(text)
