"""The screen with the captions: shows a LiveState, and has the keys for who reads."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen

from speech3n.tui.keys import keys_for
from speech3n.tui.screens.help import HelpScreen
from speech3n.tui.state import LiveState
from speech3n.tui.widgets.banner import Banner
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.heading import Heading
from speech3n.tui.widgets.keys import KeyLine
from speech3n.tui.widgets.search_bar import SearchBar
from speech3n.tui.widgets.stage import Stage
from speech3n.tui.widgets.status import About, StatusLine
from speech3n.types import Notice


class LiveScreen(Screen[None]):
    """What is captioned, captions, what matters now, how it goes, keys."""

    BINDINGS = [  # noqa: RUF012
        Binding("slash", "search"),
        Binding("n", "match(1)"),
        Binding("N", "match(-1)"),
        Binding("c", "copy"),
        Binding("b", "large"),
        Binding("question_mark,f1", "help"),
        Binding("escape", "leave"),
    ]

    class Ready(Message):
        """A session can be shown."""

    def __init__(self, state: LiveState, *, is_large: bool = False) -> None:
        super().__init__()
        self._state = state
        self._is_large = is_large

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Heading()
        yield Stage(self._state)
        yield Banner()
        yield SearchBar()
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        """Ready to be read."""
        captions = self.query_one(Captions)
        captions.focus()
        captions.is_large = self._is_large
        self.post_message(self.Ready())

    def begin(self, state: LiveState) -> None:
        """Show another session, which has said nothing yet."""
        self._state = state
        captions = self.query_one(Captions)
        captions.show(state.script)
        captions.is_bilingual = state.request.translate
        self.query_one(Banner).dismiss()
        self.show()

    def show(self) -> None:
        """Show how the session goes, beside its text."""
        state, heading, status = self._state, self.query_one(Heading), self.query_one(StatusLine)
        self.query_one(Stage).show(state)
        heading.visible = state.phase != "failed"
        heading.source, heading.target = state.source, state.target
        heading.spoken = state.spoken if heading.frame.is_side_by_side else ""
        status.phase, status.status = state.doing, state.status
        status.about = About(state.duration_s, state.task, state.model)
        self.query_one(Captions).is_bilingual |= state.request.translate
        self._show_keys()

    def show_text(self) -> None:
        """Show what is new in the session's text."""
        captions = self.query_one(Captions)
        captions.is_bilingual |= any(paragraph.translation.text for paragraph in self._state.script.tail)
        captions.refresh_script()

    def notify_reader(self, notice: Notice, *, stays: bool = False) -> None:
        """Show a notice; information goes away by itself unless it `stays`."""
        self.query_one(Banner).show(notice, stays=stays)

    def _show_keys(self) -> None:
        state, searching = self._state, self.query_one(SearchBar).is_open
        has_devices = state.may_need_another_microphone
        self.query_one(KeyLine).keys = keys_for(state.phase, searching=searching, has_devices=has_devices)

    def on_captions_view_changed(self) -> None:
        """Columns may have moved."""
        self.query_one(Heading).frame = self.query_one(Captions).frame
        self.show()

    def on_search_bar_toggled(self) -> None:
        """Other keys matter while a search is open."""
        self._show_keys()

    def action_search(self) -> None:
        """Open the search."""
        if self._state.phase != "failed":
            self.query_one(SearchBar).open()

    def action_match(self, step: int) -> None:
        """Go to another place of the search."""
        bar = self.query_one(SearchBar)
        if bar.is_open:
            bar.go(step)

    def action_leave(self) -> None:
        """End the search, or take a notice away."""
        bar = self.query_one(SearchBar)
        if bar.is_open:
            bar.close()
        else:
            self.query_one(Banner).dismiss()
            self.clear_selection()

    def action_copy(self) -> None:
        """Copy the selection or everything, also over ssh (OSC 52)."""
        selected = self.get_selected_text()
        text = selected or self._state.script.text
        if text:
            self.app.copy_to_clipboard(text)
            done = f"Copied {'the selection' if selected else 'everything'}: {len(text.split())} words."
        else:
            done = "There is nothing to copy yet."
        self.notify_reader(Notice(done, severity="information"))

    def action_large(self) -> None:
        """Large print or not."""
        captions = self.query_one(Captions)
        captions.is_large = not captions.is_large

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen())
