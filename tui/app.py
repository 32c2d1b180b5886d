"""The terminal UI of `speech3n live`: a session begun, watched, changed by keys, saved and ended.

`worker` runs the session in a thread of its own and posts messages, `state` is what is known of it, `screens.live`
shows that; the app alone brings the three together.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from textual.app import App
from textual.binding import Binding

from speech3n.engines.registry import open_engine
from speech3n.errors import UsageError, printable
from speech3n.formats.writers import parse_formats
from speech3n.languages import parse_language, parse_target_language
from speech3n.runtime.signals import TERMINATION
from speech3n.session.live import LiveRequest
from speech3n.tui.command import Appearance
from speech3n.tui.failures import describe
from speech3n.tui.farewell import saved_line
from speech3n.tui.messages import Arrived, DevicesFound, Finished, Opened, Saved
from speech3n.tui.screens.languages import language_picker
from speech3n.tui.screens.live import LiveScreen
from speech3n.tui.screens.picker import Choice, Picker
from speech3n.tui.screens.save import SaveChoice, SaveDialog
from speech3n.tui.state import LiveState, Phase
from speech3n.tui.terminal import ui_terminal
from speech3n.tui.themes import THEMES
from speech3n.tui.worker import Backend, Worker
from speech3n.types import Notice, Segment, Update

_APPEARANCE = Appearance()


def run_app(request: LiveRequest, appearance: Appearance) -> int:
    """Run the UI until people have had enough; the exit code. Raises what the last session failed with."""
    model = request.prepare()
    with ui_terminal() as screen:
        app = LiveApp(request, Backend(partial(open_engine, model)), appearance)
        app.error_console = Console(file=screen, markup=False, highlight=False)
        app.run()
    with suppress(OSError):  # The terminal may be gone.
        for line in app.farewell:
            click.echo(printable(line), err=True)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


class LiveApp(App[None]):
    """Captions of one source, and keys for all that can be done with them."""

    CSS_PATH = "app.tcss"
    TITLE = "speech3n live"
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding("space,p", "pause"),
        Binding("l", "language"),
        Binding("t", "translate"),
        Binding("s", "save"),
        Binding("d,ctrl+t", "theme"),
        Binding("r", "retry"),
        Binding("m", "devices"),
        Binding("ctrl+c", "copy_or_quit"),
        Binding("q,ctrl+q", "quit"),
    ]

    def __init__(self, request: LiveRequest, backend: Backend, appearance: Appearance = _APPEARANCE) -> None:
        super().__init__()
        self.state = LiveState(replace(request, pace=request.pace or "realtime"))
        self.farewell: list[str] = []
        """What to say after the screen is gone: where things were saved."""
        self._captions = LiveScreen(self.state, is_large=appearance.large)
        self._worker = Worker(backend, self.post_message)
        self._quits = 0
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = appearance.theme

    @property
    def failure(self) -> Exception | None:
        """What the last session failed with."""
        return self.state.failure

    def get_default_screen(self) -> LiveScreen:
        """The captions."""
        return self._captions

    def on_live_screen_ready(self) -> None:
        """Begin."""
        # What `kill` and a closed terminal mean: finish what is being said, save, leave.
        for number in TERMINATION:
            with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread.
                asyncio.get_running_loop().add_signal_handler(number, self._end)
        self._begin(self.state)

    def on_unmount(self) -> None:
        """However the UI ends, the session ends with it, and is saved by its own thread."""
        if self.state.live is not None:
            self.state.live.stop()
        self._worker.abort()

    # The session

    def _begin(self, state: LiveState) -> None:
        self.state = state
        self._captions.begin(state)
        self.run_worker(partial(self._worker.run, state.request), thread=True, exit_on_error=False, group="session")

    def on_opened(self, message: Opened) -> None:
        """Captions begin."""
        self.state.live = message.live
        if self._quits:
            message.live.stop()
            return
        self._enter("listening")

    def on_arrived(self, _: Arrived) -> None:
        """Show what came in, all at once."""
        events = self._worker.take()
        for event in events:
            if (notice := self.state.take(event)) is not None:
                self._captions.notify_reader(notice)
        if any(isinstance(event, Update | Segment) for event in events):
            self._captions.show_text()
        self._captions.show()

    def on_finished(self, message: Finished) -> None:
        """The session is over: say where it is, and leave if that was wanted."""
        state, live = self.state, message.live
        state.live, state.failure = live or state.live, message.failure
        kept = saved_line(live) if live is not None and live.paths else ""
        if kept:
            self.farewell.append(kept)
        if self._quits or (isinstance(message.failure, UsageError) and not kept):
            self.exit()
        elif message.failure is not None:
            state.problem = describe(message.failure, kept)
            self._enter("stopped" if state.script.text else "failed")
        else:
            self._enter("finished")
            if live is not None and live.warnings:
                self._captions.notify_reader(Notice(" ".join(live.warnings), kept))
            elif kept:
                self._captions.notify_reader(Notice(kept, severity="information"), stays=True)

    def _enter(self, phase: Phase) -> None:
        self.state.phase = phase
        self._captions.show()

    def _say(self, text: str) -> None:
        self._captions.notify_reader(Notice(text, severity="information"))

    # Keys

    def action_pause(self) -> None:
        """Stop listening, or go on."""
        if (live := self.state.running) is not None:
            live.pause(not live.paused)
            self._enter("paused" if live.paused else "listening")

    def action_language(self) -> None:
        """Choose the language that is spoken."""
        if (live := self.state.running) is not None:
            languages = live.engine.info.languages
            current = parse_language(self.state.request.language, languages)
            self.push_screen(language_picker(languages, current), self._set_language)

    def _set_language(self, code: str | None) -> None:
        if code is not None:
            self._configure(replace(self.state.request, language=None if code == "auto" else code))

    def action_translate(self) -> None:
        """Switch translation on or off."""
        if (live := self.state.running) is None:
            return
        request = self.state.request
        try:
            live.engine.info.require_translation(parse_target_language(request.to))
        except UsageError as error:
            self._captions.notify_reader(Notice(error.message, error.hint))
            return
        self._configure(replace(request, translate=not request.translate))

    def _configure(self, request: LiveRequest) -> None:
        """Change language and task from the next utterance on."""
        self.state.configure(request)
        self._captions.show()

    def action_retry(self) -> None:
        """Try again what could not be opened."""
        if self.state.phase == "failed":
            self._begin(self.state.again())

    def action_devices(self) -> None:
        """Look for other microphones."""
        if self.state.may_need_another_microphone:
            self.run_worker(self._worker.find_devices, thread=True, exit_on_error=False, group="devices")

    def on_devices_found(self, message: DevicesFound) -> None:
        """Choose one, and try again with it."""
        if message.failure is not None:
            self.state.problem = describe(message.failure)
            self._captions.show()
            return
        choices = [Choice(value, label) for value, label in message.devices]
        self.push_screen(Picker("Microphone", choices, self.state.request.device or ""), self._set_device)

    def _set_device(self, device: str | None) -> None:
        if device is not None:
            self._begin(self.state.again(device))

    def action_theme(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_copy_or_quit(self) -> None:
        """What Ctrl-C means: copy where something is selected, else quit."""
        if self.screen.get_selected_text():
            self._captions.action_copy()
        else:
            self._quit()

    def action_save(self) -> None:
        """Save under another name."""
        live = self.state.live
        if live is None or not self.state.script.text:
            self._say("There is nothing to save yet.")
            return
        name = Path(live.source.name).stem if live.source.duration_s is not None else f"captions-{live.folder.name}"
        formats = parse_formats(self.state.request.formats or "txt,srt")
        self.push_screen(SaveDialog(Path.cwd() / name, formats), self._save)

    def _save(self, choice: SaveChoice | None) -> None:
        if choice is not None and self.state.live is not None:
            save = partial(self._worker.save, self.state.live, choice.stem, choice.formats)
            self.run_worker(save, thread=True, exit_on_error=False, group="save")

    def on_saved(self, message: Saved) -> None:
        """Say where, or why not."""
        if message.failure is not None:
            self._captions.notify_reader(Notice(describe(message.failure).message, severity="error"))
        else:
            names = ", ".join(path.name for path in message.paths)
            self._say(f"Saved {names} in {message.paths[0].parent}")

    async def action_quit(self) -> None:
        """Finish what is being said, save, leave; a second time leaves out what is not recognised yet."""
        self._quit()

    def _end(self) -> None:
        """Quit at a signal, of which a second one says nothing new."""
        if not self._quits:
            self._quit()

    def _quit(self) -> None:
        self._quits += 1
        if self.state.has_ended or self.state.phase == "loading":
            self.exit()
        elif self._quits == 1:
            self._enter("finishing")
            assert self.state.live is not None
            self.state.live.stop()
        else:
            self._worker.abort()
