"""The terminal UI of `speech3n live`: what its keys do."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from textual.binding import Binding

from speech3n.engines.registry import open_engine
from speech3n.errors import UsageError
from speech3n.formats.writers import parse_formats
from speech3n.languages import parse_language, parse_target_language
from speech3n.session.live import LiveRequest
from speech3n.tui.command import Appearance
from speech3n.tui.failures import describe
from speech3n.tui.messages import DevicesFound, Saved
from speech3n.tui.screens.help import HelpScreen
from speech3n.tui.screens.languages import language_picker
from speech3n.tui.screens.picker import Choice, Picker
from speech3n.tui.screens.save import SaveChoice, SaveDialog
from speech3n.tui.session_app import ENDED, RUNNING, SessionApp
from speech3n.tui.terminal import ui_terminal
from speech3n.tui.themes import THEMES
from speech3n.tui.widgets.banner import Banner
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.error_panel import ErrorPanel
from speech3n.tui.widgets.search_bar import SearchBar
from speech3n.tui.worker import Backend
from speech3n.types import Notice


def run_app(request: LiveRequest, appearance: Appearance) -> int:
    """Run the UI until people have had enough; the exit code. Raises what the last session failed with."""
    model = request.prepare()
    with ui_terminal() as screen:
        app = LiveApp(request, Backend(partial(open_engine, model)), appearance)
        app.error_console = Console(file=screen, markup=False, highlight=False)
        app.run()
    for line in app.farewell:
        click.echo(line, err=True)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def request_again(request: LiveRequest) -> LiveRequest:
    """The same request once more, beside the session that an earlier try left in its folder."""
    if request.save is None or not request.save.exists():
        return request
    folders = (request.save.with_name(f"{request.save.name}-{number}") for number in itertools.count(2))
    return replace(request, save=next(folder for folder in folders if not folder.exists()))


class LiveApp(SessionApp):
    """Captions of one source, and keys for all that can be done with them."""

    BINDINGS = [  # noqa: RUF012
        Binding("space,p", "pause"),
        Binding("l", "language"),
        Binding("t", "translate"),
        Binding("slash", "search"),
        Binding("n", "match(1)"),
        Binding("N", "match(-1)"),
        Binding("s", "save"),
        Binding("c", "copy"),
        Binding("d,ctrl+t", "theme"),
        Binding("b", "large"),
        Binding("question_mark,f1", "help"),
        Binding("r", "retry"),
        Binding("m", "devices"),
        Binding("escape", "leave"),
        Binding("ctrl+c", "copy_or_quit"),
        Binding("q,ctrl+q", "quit"),
    ]

    def action_pause(self) -> None:
        """Stop listening, or go on."""
        if self._live is not None and self._phase in RUNNING:
            self._live.pause(not self._live.paused)
            self._enter("paused" if self._live.paused else "listening")

    def action_language(self) -> None:
        """Choose the language that is spoken."""
        if self._live is not None and self._phase in RUNNING:
            languages = self._live.engine.info.languages
            current = parse_language(self._request.language, languages)
            self.push_screen(language_picker(languages, current), self._set_language)

    def _set_language(self, code: str | None) -> None:
        if code is not None:
            language = None if code == "auto" else code
            self._script.tags = language is None
            self._configure(replace(self._request, language=language))

    def action_translate(self) -> None:
        """Switch translation on or off."""
        if self._live is None or self._phase not in RUNNING:
            return
        try:
            self._live.engine.info.require_translation(parse_target_language(self._request.to))
        except UsageError as error:
            self.query_one(Banner).show(Notice(error.message, error.hint))
            return
        self._configure(replace(self._request, translate=not self._request.translate))

    def _configure(self, request: LiveRequest) -> None:
        """Change language and task from the next utterance on."""
        self._request = request
        if self._live is not None and self._phase not in ENDED:
            self._live.configure(request.language, translate=request.translate)
        self.query_one(Captions).is_bilingual |= request.translate
        self._describe()

    def action_search(self) -> None:
        """Open the search."""
        if self._phase != "failed":
            self.query_one(SearchBar).open()
            self._show_keys()

    def on_search_bar_changed(self, message: SearchBar.Changed) -> None:
        """Search while typing."""
        self.query_one(Captions).search(message.query)
        self._count_matches()

    def on_search_bar_done(self) -> None:
        """Back to the text, where n and N go on."""
        self.query_one(Captions).focus()

    def action_match(self, step: int) -> None:
        """Go to another place of the search."""
        if self.query_one(SearchBar).is_open:
            self.query_one(Captions).go_to_match(step)
            self._count_matches()

    def _count_matches(self) -> None:
        self.query_one(SearchBar).show_count(*self.query_one(Captions).match_count)

    def action_leave(self) -> None:
        """End the search, or take a notice away."""
        bar, captions = self.query_one(SearchBar), self.query_one(Captions)
        if bar.is_open:
            bar.close()
            captions.search("")
            captions.focus()
            self._show_keys()
        else:
            self.query_one(Banner).dismiss()
            self.screen.clear_selection()

    def action_copy(self) -> None:
        """Copy the selection or everything, also over ssh (OSC 52)."""
        selected = self.screen.get_selected_text()
        text = selected or self._script.text
        if not text:
            self._say("There is nothing to copy yet.")
            return
        self.copy_to_clipboard(text)
        self._say(f"Copied {'the selection' if selected else 'everything'}: {len(text.split())} words.")

    def action_copy_or_quit(self) -> None:
        """What Ctrl-C means: copy where something is selected, else quit."""
        if self.screen.get_selected_text():
            self.action_copy()
        else:
            self._quit()

    def action_save(self) -> None:
        """Save under another name."""
        if self._live is None or not self._script.text:
            self._say("There is nothing to save yet.")
            return
        is_file = self._live.source.duration_s is not None
        name = Path(self._live.source.name).stem if is_file else f"captions-{self._live.folder.name}"
        formats = parse_formats(self._request.formats or "txt,srt")
        self.push_screen(SaveDialog(Path.cwd() / name, formats), self._save)

    def _save(self, choice: SaveChoice | None) -> None:
        if choice is not None and self._live is not None:
            save = partial(self._worker.save, self._live, choice.stem, choice.formats)
            self.run_worker(save, thread=True, exit_on_error=False, group="save")

    def on_saved(self, message: Saved) -> None:
        """Say where, or why not."""
        if message.failure is not None:
            self.query_one(Banner).show(Notice(describe(message.failure).message, severity="error"))
        else:
            names = ", ".join(path.name for path in message.paths)
            self._say(f"Saved {names} in {message.paths[0].parent}")

    def action_theme(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_large(self) -> None:
        """Large print or not."""
        captions = self.query_one(Captions)
        captions.is_large = not captions.is_large

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen())

    def action_retry(self) -> None:
        """Try again what could not be opened."""
        if self._phase == "failed":
            self._request = request_again(self._request)
            self._begin()

    def action_devices(self) -> None:
        """Look for other microphones."""
        if self._phase == "failed" and self._has_devices:
            self.run_worker(self._worker.find_devices, thread=True, exit_on_error=False, group="devices")

    def on_devices_found(self, message: DevicesFound) -> None:
        """Choose one, and try again with it."""
        if message.failure is not None:
            self.query_one(ErrorPanel).problem = describe(message.failure)
            return
        choices = [Choice(value, label) for value, label in message.devices]
        self.push_screen(Picker("Microphone", choices, self._request.device or ""), self._set_device)

    def _set_device(self, device: str | None) -> None:
        if device is not None:
            self._request = request_again(replace(self._request, device=device))
            self._begin()

    async def action_quit(self) -> None:
        """Finish what is being said, save, leave; a second time leaves out what is not recognised yet."""
        self._quit()

    def _quit(self) -> None:
        self._quits += 1
        if self._phase in ENDED or self._phase == "loading":
            self.exit()
        elif self._quits == 1:
            self._enter("finishing")
            assert self._live is not None
            self._live.stop()
        else:
            self._worker.abort()

    def _say(self, text: str) -> None:
        self.query_one(Banner).show(Notice(text, severity="information"))
