"""The terminal UI of `speech3n live`: a thread captions and posts messages, the app shows them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import Static

from speech3n.engines.registry import prepare
from speech3n.errors import DeviceError, UsageError
from speech3n.languages import language_name, parse_language
from speech3n.types import Event, Gap, Notice, Segment, Status, Update
from speech3n.writers import parse_formats
from tui.failures import describe
from tui.keys import keys_for
from tui.live import LiveRequest, LiveSession, request_again, saved_line
from tui.messages import Arrived, DevicesFound, Finished, Opened, Saved
from tui.paragraphs import Script
from tui.screens.help import HelpScreen
from tui.screens.languages import language_picker
from tui.screens.picker import Choice, Picker
from tui.screens.save import SaveChoice, SaveDialog
from tui.terminal import ui_terminal
from tui.themes import THEMES
from tui.widgets.banner import Banner
from tui.widgets.captions import Captions
from tui.widgets.error_panel import ErrorPanel
from tui.widgets.heading import Heading
from tui.widgets.keys import KeyLine
from tui.widgets.search_bar import SearchBar
from tui.widgets.status import About, StatusLine
from tui.worker import Backend, Worker

Phase = Literal["loading", "listening", "paused", "finishing", "finished", "stopped", "failed"]
"""`stopped` is a session that broke off, `failed` one that never began."""

_ENDED = frozenset({"finished", "stopped", "failed"})
_RUNNING = frozenset({"listening", "paused"})


def run_app(request: LiveRequest) -> int:
    """Run the UI until people have had enough; the exit code. Raises what the last session failed with."""
    prepare(request.model)
    with ui_terminal() as screen:
        app = LiveApp(request)
        app.error_console = Console(file=screen, markup=False, highlight=False)
        app.run()
    for line in app.farewell:
        click.echo(line, err=True)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


class LiveApp(App[None]):
    """Captions of one source."""

    CSS_PATH = "app.tcss"
    TITLE = "speech3n live"
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
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

    def __init__(self, request: LiveRequest, backend: Backend | None = None) -> None:
        super().__init__()
        self.failure: Exception | None = None
        """What the last session failed with."""
        self.farewell: list[str] = []
        """What to say after the screen is gone: where things were saved."""
        self._request = request
        self._worker = Worker(backend or Backend(), self.post_message)
        self._live: LiveSession | None = None
        self._script = Script()
        self._phase: Phase = "loading"
        self._detected: str | None = None
        self._quits = 0
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = request.theme

    def compose(self) -> ComposeResult:
        """What is captioned, captions, what matters now, how it goes, keys."""
        yield Heading()
        with Container(id="stage"):
            yield Captions(self._script)
            yield Static(id="welcome", markup=False)
            yield Static("↓ new text below   end", id="news")
            yield ErrorPanel()
        yield Banner()
        yield SearchBar()
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin."""
        captions = self.query_one(Captions)
        captions.focus()
        captions.is_large = self._request.large
        self._begin()

    def on_unmount(self) -> None:
        """However the UI ends, the session ends with it, and is saved by its own thread."""
        if self._live is not None:
            self._live.feed.stop()
        self._worker.abort()

    # The session

    def _begin(self) -> None:
        self._live, self.failure, self._detected = None, None, None
        self._script = Script(tags=self._request.language == "auto")
        captions = self.query_one(Captions)
        captions.show(self._script)
        captions.is_bilingual = self._request.translate
        self.query_one(Banner).dismiss()
        self.query_one(ErrorPanel).problem = None
        self.query_one(StatusLine).status = None
        self._enter("loading")
        self.run_worker(partial(self._worker.run, self._request), thread=True, exit_on_error=False, group="session")

    def on_opened(self, message: Opened) -> None:
        """Captions begin."""
        self._live = message.live
        if self._quits:
            message.live.feed.stop()
            return
        self._enter("listening")

    def on_arrived(self, _: Arrived) -> None:
        """Show what came in, all at once."""
        is_new = False
        for event in self._worker.take():
            is_new |= self._take(event)
        if is_new:
            captions = self.query_one(Captions)
            captions.is_bilingual |= any(paragraph.translation.text for paragraph in self._script.tail)
            captions.refresh_script()
            self._show_welcome()

    def _take(self, event: Event) -> bool:
        """Take note of an event; whether there is something new to read."""
        match event:
            case Update():
                self._script.update(event)
            case Segment():
                self._script.add(event)
                self._detect(event.language)
            case Status():
                self.query_one(StatusLine).status = event
                self._describe()
            case Notice():
                self.query_one(Banner).show(event)
            case Gap():
                skipped = f"{event.end - event.start:.0f} s of sound were skipped to catch up."
                self.query_one(Banner).show(Notice(skipped, "They are in the recording."))
            case _:
                pass
        return isinstance(event, Update | Segment)

    def on_finished(self, message: Finished) -> None:
        """The session is over: say where it is, and leave if that was wanted."""
        self._live = message.live or self._live
        self.failure = message.failure
        kept = saved_line(message.live, message.paths) if message.live is not None and message.paths else ""
        if kept:
            self.farewell.append(kept)
        if self._quits or (isinstance(message.failure, UsageError) and not kept):
            self.exit()
            return
        if message.failure is not None:
            self._enter("stopped" if self._script.text else "failed")
            self.query_one(ErrorPanel).problem = describe(message.failure, kept)
            return
        self._enter("finished")
        warnings = message.live.warnings if message.live is not None else []
        if warnings:
            self.query_one(Banner).show(Notice(" ".join(warnings), kept))
        elif kept:
            self.query_one(Banner).show(Notice(kept, severity="information"), stays=True)

    # What is shown

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        stage = self.query_one("#stage")
        stage.set_class(phase == "failed", "-failed")
        stage.set_class(phase == "stopped", "-stopped")
        self.query_one(Heading).visible = phase != "failed"
        names = {"loading": f"Loading {self._request.model}…", "finishing": "Finishing…", "listening": ""}
        self.query_one(StatusLine).phase = names.get(phase, phase.capitalize())
        self._show_welcome()
        self._show_keys()
        self._describe()

    def _show_welcome(self) -> None:
        """Say what goes on while there is nothing to read."""
        texts = {
            "loading": f"Loading {self._request.model}…",
            "listening": "Listening\n\nCaptions appear here as soon as someone speaks.",
            "paused": "Paused",
            "finished": "No speech was heard.",
        }
        text = texts.get(self._phase, "")
        welcome = self.query_one("#welcome", Static)
        welcome.set_class(bool(text) and not self._script.tail, "-shown")
        welcome.update(text)

    def _show_keys(self) -> None:
        searching = self.query_one(SearchBar).is_open
        devices = self._has_devices
        self.query_one(KeyLine).keys = keys_for(self._phase, searching=searching, has_devices=devices)

    @property
    def _has_devices(self) -> bool:
        """Whether another microphone may help."""
        return self._request.source == "mic" and isinstance(self.failure, DeviceError)

    def _detect(self, language: str | None) -> None:
        if language is not None and language != self._detected:
            self._detected = language
            self._describe()

    def _describe(self) -> None:
        """Name source, languages and model in heading and status line."""
        live = self._live
        wanted = self._request.language
        is_auto = wanted == "auto"
        code = self._detected if is_auto or live is None else parse_language(wanted, live.engine.info.languages)
        spoken = language_name(code) if code else "" if is_auto else wanted
        task = f"{spoken} (auto)" if is_auto and spoken else spoken or "any language"
        if self._request.translate:
            task += " → English"
        duration_s = live.source.duration_s if live is not None else None
        model = live.engine.info.name if live is not None else self._request.model
        self.query_one(StatusLine).about = About(duration_s, task, model)
        heading = self.query_one(Heading)
        heading.source = live.source.name if live is not None else ""
        heading.spoken = spoken if heading.frame.is_side_by_side else ""

    def on_captions_view_changed(self) -> None:
        """Columns moved, or the reader scrolled away from the newest text."""
        captions = self.query_one(Captions)
        self.query_one(Heading).frame = captions.frame
        self.query_one("#news").set_class(captions.has_news, "-shown")
        self._describe()

    @on(events.Click, "#news")
    def follow(self) -> None:
        """Go to the newest text."""
        self.query_one(Captions).follow()

    # Keys

    def action_pause(self) -> None:
        """Stop listening, or go on."""
        if self._live is not None and self._phase in _RUNNING:
            feed = self._live.feed
            feed.pause(not feed.paused)
            self._enter("paused" if feed.paused else "listening")

    def action_language(self) -> None:
        """Choose the language that is spoken."""
        if self._live is not None and self._phase in _RUNNING:
            languages = self._live.engine.info.languages
            current = parse_language(self._request.language, languages)
            self.push_screen(language_picker(languages, current), self._set_language)

    def _set_language(self, code: str | None) -> None:
        if code is not None:
            self._script.tags = code == "auto"
            self._configure(replace(self._request, language=code))

    def action_translate(self) -> None:
        """Switch translation on or off."""
        if self._live is None or self._phase not in _RUNNING:
            return
        if "translate" not in self._live.engine.info.tasks:
            self.query_one(Banner).show(Notice(f"{self._live.engine.info.name} cannot translate."))
            return
        self._configure(replace(self._request, translate=not self._request.translate))

    def _configure(self, request: LiveRequest) -> None:
        """Change language and task from the next utterance on."""
        self._request = request
        if self._live is not None and self._phase not in _ENDED:
            language = parse_language(request.language, self._live.engine.info.languages)
            self._live.session.configure(language, translate=request.translate)
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
        name = Path(self._live.source.name).stem if is_file else f"captions-{self._live.journal.folder.name}"
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
        if self._phase in _ENDED or self._phase == "loading":
            self.exit()
        elif self._quits == 1:
            self._enter("finishing")
            assert self._live is not None
            self._live.feed.stop()
        else:
            self._worker.abort()

    def _say(self, text: str) -> None:
        self.query_one(Banner).show(Notice(text, severity="information"))
