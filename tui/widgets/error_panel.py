"""What went wrong and what to do, with the way on: retry, another microphone, quit."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from tui.messages import Problem
from tui.widgets.dialog import Dialog

Choice = Literal["retry", "device", "read", "quit"]


class ErrorPanel(Dialog[Choice]):
    """Dismisses with what people chose; `read` goes back to the captions that there are."""

    BINDINGS = [  # noqa: RUF012
        Binding("r", "choose('retry')", show=False),
        Binding("m", "choose('device')", show=False),
        Binding("escape", "choose('read')", show=False),
        Binding("q", "choose('quit')", show=False),
    ]

    def __init__(self, problem: Problem, *, has_captions: bool, uses_microphone: bool) -> None:
        super().__init__()
        self._problem = problem
        self._has_captions = has_captions
        self._choices: dict[str, str] = {"retry": "Retry (r)"}
        if uses_microphone:
            self._choices["device"] = "Microphone (m)"
        if has_captions:
            self._choices["read"] = "Read (Esc)"
        self._choices["quit"] = "Quit (q)"

    def compose(self) -> ComposeResult:
        """Message, hint, buttons."""
        with VerticalScroll(classes="dialog error") as dialog:
            dialog.border_title = "Captions stopped" if self._has_captions else "Captions cannot begin"
            yield Static(self._problem.message, markup=False, id="message")
            yield Static(self._problem.hint, markup=False, id="hint")
            with Horizontal(classes="buttons"):
                for choice, label in self._choices.items():
                    yield Button(label, id=choice, compact=True, variant="primary" if choice == "retry" else "default")

    def on_mount(self) -> None:
        """Enter retries."""
        self.query_one("#retry").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The mouse's way."""
        if event.button.id is not None:
            self.action_choose(event.button.id)

    def action_choose(self, choice: str) -> None:
        """The keyboard's way."""
        if choice in self._choices:
            self.dismiss(choice)  # type: ignore[arg-type]
