"""An app that runs live sessions: it begins them, shows what happens, and says how they ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from textual import work
from textual.app import App, ComposeResult
from textual.worker import get_current_worker

from speech3n.audio.microphone import list_devices
from speech3n.engines.base import Engine
from speech3n.engines.registry import open_engine
from speech3n.errors import DeviceError
from speech3n.languages import language_name, parse_language
from speech3n.types import Gap, Notice, Segment, Status, Update
from tui.captioning import caption, problem
from tui.live import LiveRequest, LiveSession, request_again
from tui.messages import Ended, Found, Happened, Opened, Outcome, Problem
from tui.themes import DEFAULT_VARIABLES, THEMES
from tui.widgets.banner import Banner
from tui.widgets.captions import Captions
from tui.widgets.error_panel import Choice, ErrorPanel
from tui.widgets.key_bar import KeyBar
from tui.widgets.picker import Picker
from tui.widgets.search_bar import SearchBar
from tui.widgets.stage import Stage
from tui.widgets.status import StatusLine
from tui.widgets.title_bar import TitleBar

Severity = Literal["information", "warning", "error"]


class SessionApp(App[None]):
    """Loads and listens in a thread that posts messages; a session that failed can begin again."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "speech3n live"
    ENABLE_COMMAND_PALETTE = False

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

    def _begin(self) -> None:
        self._live = None
        self._is_running = True
        self.query_one(StatusLine).status = None
        self.query_one(KeyBar).is_paused = False
        self.query_one(Banner).hide()
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
            case Update() | Segment() | Gap() as event:
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
                self._find_devices()
            case "quit":
                self.exit()
            case _:
                pass

    def _retry(self, device: str | None) -> None:
        self._request = request_again(replace(self._request, device=device))
        self.query_one(Stage).begin()
        self._begin()

    @work(thread=True)
    def _find_devices(self) -> None:
        try:
            self.post_message(Found(list_devices()))
        except DeviceError as error:
            self.post_message(Found([], problem(error)))

    def on_found(self, message: Found) -> None:
        """Choose one of the microphones, if there are any."""
        if not message.devices:
            nothing = Problem("No microphone was found.", "Plug one in, then choose Microphone again.")
            self._show_failure(message.problem or nothing)
            return
        devices = [(str(device.index), f"{device.index}  {device.name}") for device in message.devices]

        def choose(device: str | None) -> None:
            self._retry(device if device is not None else self._request.device)

        self.push_screen(Picker("Microphone", devices, self._request.device or ""), choose)

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
