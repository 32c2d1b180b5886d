"""The terminal UI of `speech3n live`: what its keys do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from textual import work
from textual.binding import Binding

from speech3n.errors import Speech3nError
from speech3n.languages import language_name
from tui.captioning import problem
from tui.live import DEFAULT_FORMATS, LiveRequest, LiveSession, saved_line
from tui.messages import Saved
from tui.session_app import SessionApp
from tui.terminal import ui_terminal
from tui.themes import THEMES
from tui.widgets.captions import Captions
from tui.widgets.help_screen import HelpScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.picker import Picker
from tui.widgets.save_dialog import SaveChoice, SaveDialog
from tui.widgets.search_bar import SearchBar


def run_app(request: LiveRequest) -> int:
    """Run the UI until the user quits, then say where the session is; the exit code."""
    with ui_terminal() as screen:
        app = LiveApp(request)
        app.error_console = Console(file=screen, markup=False, highlight=False)
        app.run()
    for outcome in app.outcomes:
        if outcome.live is not None and (outcome.paths or not outcome.trouble):
            click.echo(saved_line(outcome.live, outcome.paths), err=True)
        if outcome.unsaved is not None:
            click.echo(f"speech3n: {outcome.unsaved}", err=True)
    if not app.outcomes:
        return app.return_code or 0
    last = app.outcomes[-1]
    if last.failure is not None:
        click.echo(f"speech3n: {last.failure}", err=True)
    return app.return_code or (last.trouble.exit_code if last.trouble is not None else 0)


class LiveApp(SessionApp):
    """Captions of one source."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("space", "pause"),
        Binding("l", "language"),
        Binding("t", "translate"),
        Binding("slash", "search"),
        Binding("n", "match(1)"),
        Binding("N", "match(-1)"),
        Binding("escape", "close_search"),
        Binding("c", "copy"),
        Binding("s", "save"),
        Binding("d", "theme"),
        Binding("question_mark", "help"),
        Binding("q", "quit"),
        Binding("ctrl+c", "quit", priority=True),
    ]

    def action_pause(self) -> None:
        """Stop listening, or go on."""
        if self._live is not None and self._is_running and not self._is_quitting:
            feed = self._live.feed
            feed.pause(not feed.paused)
            self.query_one(KeyBar).is_paused = feed.paused
            self._phase("paused" if feed.paused else "", "Paused" if feed.paused else "Listening…")

    def action_language(self) -> None:
        """Choose the language that is spoken."""
        if (live := self._changeable()) is None:
            return
        named = sorted((language_name(code), code) for code in live.engine.info.languages)
        choices = [("auto", "Detect the language"), *((code, f"{name} ({code})") for name, code in named)]

        def choose(code: str | None) -> None:
            if code is not None:
                self._configure(replace(self._request, language=code))

        self.push_screen(Picker("Language spoken", choices, self._language_code or "auto"), choose)

    def action_translate(self) -> None:
        """Switch translation on or off."""
        live = self._changeable()
        if live is not None and "translate" not in live.engine.info.tasks:
            self._tell("This model cannot translate", "Begin again with another --model.", "warning")
        elif live is not None:
            self._configure(replace(self._request, translate=not self._request.translate))

    def action_search(self) -> None:
        """Open the search."""
        self.query_one(SearchBar).open()

    def action_match(self, step: int) -> None:
        """Go to another place of the search."""
        if self.query_one(SearchBar).is_open:
            self.query_one(Captions).step(step)
            self._show_place()

    def action_close_search(self) -> None:
        """End the search, and what the mouse selected."""
        self.screen.clear_selection()
        self.query_one(SearchBar).action_close()

    def action_copy(self) -> None:
        """Copy what is selected, or all captions; over ssh too, by the terminal's clipboard (OSC 52)."""
        selected = self.screen.get_selected_text()
        text = selected or self.query_one(Captions).text
        if text:
            self.copy_to_clipboard(text)
            self._tell("Copied", f"{'The selection' if selected else 'All text'}: {len(text.split())} words")
        else:
            self._tell("Nothing to copy yet")

    def action_save(self) -> None:
        """Save under another name."""
        if self._live is None or not self._live.segments:
            self._tell("Nothing to save yet")
            return
        stem = Path.cwd() / f"{Path(self._live.feed.source_name).stem}-captions"
        self.push_screen(SaveDialog(stem, self._request.formats or DEFAULT_FORMATS), self._save)

    def _save(self, choice: SaveChoice | None) -> None:
        if choice is not None and self._live is not None:
            self._write(self._live, choice)

    @work(thread=True)
    def _write(self, live: LiveSession, choice: SaveChoice) -> None:
        try:
            self.post_message(Saved(live.save(choice.stem, choice.formats)))
        except Speech3nError as error:
            self.post_message(Saved([], problem(error)))

    def action_theme(self) -> None:
        """The next theme."""
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen())

    async def action_quit(self) -> None:
        """End the session as the end of its source would, then leave; a second time leaves at once."""
        if self._is_running and self._live is not None and not self._is_quitting:
            self._live.feed.stop()
            self._phase("finishing, q again to leave at once", "Finishing…")
            self._is_quitting = True
        else:
            self.workers.cancel_all()
            self.exit()

    def on_saved(self, message: Saved) -> None:
        """Say where the transcript is, or why it is not."""
        if message.problem is not None:
            self._tell(message.problem.message, message.problem.hint, "error")
        else:
            self._tell("Saved", "\n".join(map(str, message.paths)))

    def on_search_bar_changed(self, message: SearchBar.Changed) -> None:
        """Search while people type."""
        self.query_one(Captions).search(message.query)
        self._show_place()

    def on_search_bar_step(self, message: SearchBar.Step) -> None:
        """Another place is wanted."""
        self.action_match(message.step)

    def on_search_bar_left(self) -> None:
        """Back to reading."""
        self.query_one(Captions).focus()

    def _changeable(self) -> LiveSession | None:
        """The session if language and task can be changed now."""
        if self._live is None or not self._is_running:
            self._tell("Nothing is being captioned now")
            return None
        return self._live

    def _configure(self, request: LiveRequest) -> None:
        self._request = request
        if self._live is not None:
            self._live.session.configure(self._language_code, translate=request.translate)
        self._describe()

    def _show_place(self) -> None:
        self.query_one(SearchBar).show_place(*self.query_one(Captions).place)
