"""A line above the captions for what stays wrong until it is put right: a lost microphone, a full disk."""

from __future__ import annotations

from textual.widgets import Static


class Banner(Static):
    """Hidden while all is well."""

    def __init__(self) -> None:
        super().__init__("", id="banner", classes="hidden", markup=False)

    def show(self, text: str) -> None:
        """Say what is wrong."""
        self.update(text)
        self.remove_class("hidden")

    def hide(self) -> None:
        """All is well again."""
        self.add_class("hidden")
