"""The middle of the screen: captions, and what stands in their place while there are none or over them."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from speech3n.tui.state import LiveState
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.error_panel import ErrorPanel


class Stage(Container):
    """Captions; what goes on before there are any; news below the text; what went wrong."""

    def __init__(self, state: LiveState) -> None:
        super().__init__(id="stage")
        self._state = state

    def compose(self) -> ComposeResult:
        """All of it, most of it hidden."""
        yield Captions(self._state.script)
        yield Static(id="welcome", markup=False)
        yield Static("↓ new text below   end", id="news")
        yield ErrorPanel()

    def show(self, state: LiveState) -> None:
        """Show how a session goes, beside its text."""
        self.set_class(state.phase == "failed", "-failed")
        self.set_class(state.phase == "stopped", "-stopped")
        self.query_one(ErrorPanel).problem = state.problem
        welcome = self.query_one("#welcome", Static)
        welcome.set_class(bool(state.welcome), "-shown")
        welcome.update(state.welcome)

    def on_captions_view_changed(self) -> None:
        """The reader scrolled away from the newest text, or came back."""
        self.query_one("#news").set_class(self.query_one(Captions).has_news, "-shown")

    @on(events.Click, "#news")
    def follow(self) -> None:
        """Go to the newest text."""
        self.query_one(Captions).follow()
