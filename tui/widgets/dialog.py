"""What all dialogs share: a frame in the middle, Escape to leave, Ctrl-C still quits."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A small screen over the captions, which go on below it."""

    BINDINGS = [Binding("ctrl+c", "app.quit", show=False, priority=True)]  # noqa: RUF012
