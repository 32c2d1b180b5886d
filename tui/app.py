"""The terminal UI of `speech3n live`: a thread captions and posts messages, the app shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.worker import get_current_worker

from speech3n.audio.microphone import list_devices
from speech3n.engines.base import Engine
from speech3n.engines.registry import open_engine
from speech3n.errors import DeviceError, Speech3nError
from speech3n.languages import language_name, parse_language
from speech3n.types import Notice, Segment, Status, Update
from tui.captioning import caption, problem
from tui.live import DEFAULT_FORMATS, LiveRequest, LiveSession, request_again, saved_line
from tui.messages import Ended, Happened, Opened, Outcome, Problem, Saved
from tui.terminal import ui_terminal
from tui.themes import DEFAULT_VARIABLES, THEMES
from tui.widgets.banner import Banner
from tui.widgets.captions import Captions
from tui.widgets.error_panel import Choice, ErrorPanel
from tui.widgets.help_screen import HelpScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.picker import Picker
from tui.widgets.save_dialog import SaveChoice, SaveDialog
from tui.widgets.search_bar import SearchBar
from tui.widgets.stage import Stage
from tui.widgets.status import StatusLine
from tui.widgets.title_bar import TitleBar

Severity = Literal["information", "warning", "error"]


def run_app(request: LiveRequest) -> int:
    """Run the UI until the user quits, then say where the session is; the exit code."""
    with ui_terminal() as screen:
        app = LiveApp(request)
        app.error_console = Console(file=screen, markup=False, highlight=False)
        app.run()
    for outcome in app.outcomes:
        if outcome.live is not None and outcome.unsaved is None:
            click.echo(saved_line(outcome.live, outcome.paths), err=True)
        for trouble in filter(None, (outcome.failure, outcome.unsaved)):
            click.echo(f"speech3n: {trouble}", err=True)
    return app.return_code or (app.outcomes[-1].exit_code if app.outcomes else 0)


class LiveApp(App[None]):
    """Captions of one source."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "speech3n live"
    ENABLE_COMMAND_PALETTE = False
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

    def __init__(self, request: LiveRequest, open_engine: Callable[[str], Engine] = open_engine) -> None:
        super().__init__()
        self.outcomes: list[Outcome] = []
        """How the sessions of this app ended; complete once the app has run."""
        self._request = request
        self._open_engine = open_engine
        self._live: LiveSession | None = None
        self._is_running = False
        self._is_quitting = False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of captions, which Textual's own themes lack."""
        return DEFAULT_VARIABLES

    def compose(self) -> ComposeResult:
        """Title, trouble, captions, search, status, keys."""
        yield TitleBar()
        yield Banner()
        yield Stage()
        yield SearchBar()
        yield StatusLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin."""
        self.query_one(Captions).focus()
        self._begin()

    # What the thread does and says

    def _begin(self) -> None:
        self._live = None
        self._is_running = True
        self.query_one(StatusLine).status = None
        self._phase("loading", f"Loading {self._request.model}…")
        self._caption()

    @work(thread=True)
    def _caption(self) -> None:
        worker = get_current_worker()
        outcome = caption(self._request, self._open_engine, self.post_message, lambda: worker.is_cancelled)
        self.outcomes.append(outcome)
        self.post_message(Ended(outcome))

    def on_opened(self, message: Opened) -> None:
        """Captions begin."""
        self._live = message.live
        self.query_one(TitleBar).source = message.live.feed.source_name
        self.query_one(TitleBar).folder = str(message.live.journal.folder)
        self._phase("", "Listening…")
        self._describe()

    def on_happened(self, message: Happened) -> None:
        """Show one event."""
        match message.event:
            case Update() | Segment() as event:
                stage = self.query_one(Stage)
                before = stage.heard_language
                stage.show(event, names_languages=self._language_code is None)
                if stage.heard_language != before:
                    self._describe()
            case Status() as status:
                self.query_one(StatusLine).status = status
            case Notice() as notice:
                self._show_notice(notice)
            case _:
                pass

    def on_ended(self, message: Ended) -> None:
        """The session is over: say where it is, and leave if that was wanted."""
        outcome = message.outcome
        self._is_running = False
        if self._is_quitting:
            self.exit()
            return
        self._phase("stopped" if outcome.failure else "finished", "" if outcome.failure else "No speech was heard.")
        for warning in outcome.live.warnings if outcome.live is not None else ():
            self._tell("Sound", warning, "warning")
        if outcome.unsaved is not None:
            self.query_one(Banner).show(str(outcome.unsaved))
        elif outcome.paths:
            self._tell("Finished and saved", str(outcome.paths[0].parent))
        if outcome.failure is not None:
            self._show_failure(outcome.failure)

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

    # Keys

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

    # What the keys and messages share

    def _show_failure(self, failure: Problem) -> None:
        panel = ErrorPanel(
            failure,
            has_captions=not self.query_one(Captions).is_empty,
            uses_microphone=self._request.source == "mic",
        )
        self.push_screen(panel, self._after_failure)

    def _after_failure(self, choice: Choice | None) -> None:
        match choice:
            case "retry":
                self._retry(self._request.device)
            case "device":
                self._choose_device()
            case "quit":
                self.exit()
            case _:
                pass

    def _retry(self, device: str | None) -> None:
        self._request = request_again(replace(self._request, device=device))
        self.query_one(Stage).begin()
        self._begin()

    def _choose_device(self) -> None:
        try:
            devices = [(str(device.index), f"{device.index}  {device.name}") for device in list_devices()]
        except DeviceError as error:
            self._show_failure(problem(error))
            return

        def choose(device: str | None) -> None:
            self._retry(device if device is not None else self._request.device)

        self.push_screen(Picker("Microphone", devices, self._request.device or ""), choose)

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

    @property
    def _language_code(self) -> str | None:
        """The language that was asked for, None where it is detected."""
        languages = self._live.engine.info.languages if self._live is not None else ()
        return parse_language(self._request.language, languages) if languages else None

    def _describe(self) -> None:
        """Name languages and model in the status line."""
        code, heard = self._language_code, self.query_one(Stage).heard_language
        spoken = language_name(code) if code else f"{language_name(heard)} (auto)" if heard else "any language"
        status = self.query_one(StatusLine)
        status.spoken = f"{spoken} → English" if self._request.translate else spoken
        status.model = self._live.engine.info.name if self._live is not None else ""

    def _show_place(self) -> None:
        self.query_one(SearchBar).show_place(*self.query_one(Captions).place)

    def _show_notice(self, notice: Notice) -> None:
        """What stays wrong stays on screen, until better news."""
        banner = self.query_one(Banner)
        if notice.severity == "error":
            banner.show(f"{notice.message} {notice.hint}".strip())
            return
        if notice.severity == "information":
            banner.hide()
        severity: Severity = "information" if notice.severity == "information" else "warning"
        self._tell(notice.message, notice.hint, severity)

    def _tell(self, title: str, text: str = "", severity: Severity = "information") -> None:
        self.notify(
            text or " ", title=title, severity=severity, markup=False, timeout=5 if severity == "information" else 12
        )

    def _phase(self, phase: str, waiting: str) -> None:
        """Say what is going on, in the status line and where the captions will be."""
        if not self._is_quitting:
            self.query_one(StatusLine).phase = phase
            self.query_one(Stage).wait(waiting)
