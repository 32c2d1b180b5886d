"""The terminal UI of `speech3n live`: a thread captions and posts messages, the app shows them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.theme import Theme
from textual.widgets import Footer, Input, Label, Static

from speech3n.audio.microphone import list_devices
from speech3n.engines.base import Engine
from speech3n.engines.registry import open_engine
from speech3n.errors import DeviceError, Speech3nError
from speech3n.languages import language_name, parse_language
from speech3n.types import Event, Notice, Segment, Status, Update
from tui.live import LiveRequest, LiveSession, open_live
from tui.messages import Failed, Finished, Happened, Opened
from tui.widgets.captions import Captions
from tui.widgets.dialogs import ErrorScreen, HelpScreen, SaveChoice, SaveDialog
from tui.widgets.paragraphs import segment_paragraph, update_paragraph
from tui.widgets.picker import Picker
from tui.widgets.status import StatusLine

_THEMES = (
    Theme("calm-dark", primary="#7aa2c9", secondary="#9ec1a3", warning="#e0b366", error="#d9777f", success="#8fbf8f",
          background="#14171a", surface="#1d2226", foreground="#e6e6e1", dark=True,
          variables={"quiet": "#8d969e", "faint": "#5f676e"}),
    Theme("calm-light", primary="#2f5f8a", secondary="#2c6e49", warning="#9a6700", error="#b3261e", success="#2c7a3f",
          background="#fbfaf7", surface="#efede6", foreground="#1c1b1a", dark=False,
          variables={"quiet": "#6b6a66", "faint": "#9b9992"}),
    Theme("contrast", primary="#00d7ff", secondary="#ffff00", warning="#ffaf00", error="#ff5f5f", success="#00ff5f",
          background="#000000", surface="#000000", foreground="#ffffff", dark=True,
          variables={"quiet": "#c0c0c0", "faint": "#a0a0a0"}),
)  # fmt: skip
_LOG = logging.getLogger(__name__)


def run_app(request: LiveRequest) -> int:
    """Run the UI until the user quits; the exit code."""
    app = LiveApp(request)
    code = app.run()
    for line in app.farewell:
        click.echo(line, err=True)
    return code if code is not None else app.return_code or 0


class LiveApp(App[int]):
    """Captions of one source."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012
        Binding("space", "pause", "Pause"),
        Binding("l", "language", "Language"),
        Binding("t", "translate", "Translate"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("c", "copy", "Copy", show=False),
        Binding("s", "save", "Save"),
        Binding("d", "theme", "Theme", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("n", "match(-1)", show=False),
        Binding("N", "match(1)", show=False),
        Binding("escape", "close_search", show=False),
    ]

    def __init__(self, request: LiveRequest, open_engine: Callable[[str], Engine] = open_engine) -> None:
        super().__init__()
        self.farewell: list[str] = []
        """What to say after the screen is gone: where things were saved."""
        self._request = request
        self._open_engine = open_engine
        self._live: LiveSession | None = None
        self._ended = False
        self._quitting = False
        self._language_shown: str | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of our own, for the moment before our themes are registered."""
        return {"quiet": "#888888", "faint": "#666666"}

    def compose(self) -> ComposeResult:
        """Title, captions, status, keys."""
        yield Label("", id="title")
        yield Static("", id="welcome")
        yield Captions()
        yield Label("↓ newer text below: End", id="newer", classes="hidden")
        yield Input(placeholder="Search", id="search", classes="hidden")
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Dress, and begin."""
        for theme in _THEMES:
            self.register_theme(theme)
        self.theme = _THEMES[0].name
        self.query_one(Captions).focus()
        self._begin()

    def _begin(self) -> None:
        self._ended = False
        self._live = None
        self._welcome(f"Loading {self._request.model}…")
        self.query_one(StatusLine).phase = "loading"
        self._caption()

    @work(thread=True, exclusive=True)
    def _caption(self) -> None:
        """Load, listen and recognise until the source ends or is stopped; everything reaches the app as messages."""
        live: LiveSession | None = None
        try:
            with closing(self._open_engine(self._request.model)) as engine:
                live = open_live(self._request, engine, default_pace="realtime")
                self.post_message(Opened(live))
                for event in live.session.run(live.feed):
                    live.keep(event)
                    self.post_message(Happened(event))
        except Speech3nError as error:
            self.post_message(Failed(error.message, error.hint))
        except Exception as error:  # a bug: shown, logged, and the journal is kept
            _LOG.exception("captions stopped")
            self.post_message(Failed(f"Internal error: {error!r}.", "The journal is kept.", is_expected=False))
        if live is not None:
            try:
                self.post_message(Finished(live.close()))
            except Speech3nError as error:
                self.post_message(Finished([], str(error)))

    def on_opened(self, message: Opened) -> None:
        """Captions begin."""
        self._live = message.live
        self.query_one(StatusLine).phase = ""
        self._welcome("Listening…")
        self._describe()

    def on_happened(self, message: Happened) -> None:
        """Show one event."""
        event: Event = message.event
        captions = self.query_one(Captions)
        match event:
            case Update():
                captions.show_live(update_paragraph(event))
            case Segment():
                captions.append(segment_paragraph(event, self._language_label(event)))
            case Status():
                status = self.query_one(StatusLine)
                status.status = event
                status.phase = "paused" if event.paused else ""
            case Notice():
                severity = event.severity if event.severity in ("information", "warning", "error") else "warning"
                self.notify(event.hint, title=event.message, severity=severity, timeout=10, markup=False)  # type: ignore[arg-type]
                # Opening a microphone again can swallow what was drawn meanwhile.
                self.refresh(layout=True)
            case _:
                pass
        if not captions.is_empty:
            self.query_one("#welcome").add_class("hidden")
            captions.remove_class("hidden")

    def on_failed(self, message: Failed) -> None:
        """Say what went wrong and what can be done."""
        self.query_one(StatusLine).phase = "stopped"
        self._ended = True
        if self._quitting:
            return
        if not message.is_expected:
            self._return_code = 1
        uses_microphone = self._request.source == "mic"
        screen = ErrorScreen(message.message, message.hint, can_choose_device=uses_microphone)
        self.push_screen(screen, self._after_error)

    def on_finished(self, message: Finished) -> None:
        """The session is over: say where it is, and leave if that was wanted."""
        self._ended = True
        status = self.query_one(StatusLine)
        status.phase = "finished"
        if self._live is not None and message.paths:
            self.farewell.append(f"Saved in {self._live.journal.folder}")
        if message.problem:
            self.farewell.append(message.problem)
            self.notify(message.problem, title="Not saved", severity="error", timeout=30, markup=False)
        if self._quitting:
            self._leave(1 if message.problem else 0)
        elif message.paths:
            self.notify(str(message.paths[0].parent), title="Finished and saved", markup=False)
        if self.query_one(Captions).is_empty:
            self._welcome("No speech was heard.")

    def _after_error(self, choice: str | None) -> None:
        if choice == "retry":
            self._begin()
        elif choice == "device":
            self._choose_device()
        else:
            self._leave(1)

    def _choose_device(self) -> None:
        try:
            devices = [(str(device.index), f"{device.index}  {device.name}") for device in list_devices()]
        except DeviceError as error:
            self.on_failed(Failed(error.message, error.hint))
            return

        def chosen(device: str | None) -> None:
            if device is not None:
                self._request = replace(self._request, device=device)
            self._begin()

        self.push_screen(Picker("Microphone", devices, self._request.device or ""), chosen)

    def action_pause(self) -> None:
        """Stop listening, or go on."""
        if self._live is not None and not self._ended:
            feed = self._live.feed
            feed.pause(not feed.paused)
            self.query_one(StatusLine).phase = "paused" if feed.paused else ""

    def action_language(self) -> None:
        """Choose the language that is spoken."""
        if self._live is None:
            return
        languages = self._live.engine.info.languages
        named = sorted((language_name(code), code) for code in languages)
        choices = [("auto", "Detect the language"), *((code, f"{name} ({code})") for name, code in named)]
        current = self._live.session.options.language or "auto"

        def chosen(code: str | None) -> None:
            if code is not None and self._live is not None:
                language = parse_language(code, languages)
                self._live.session.configure(language, translate=self._request.translate)
                self._request = replace(self._request, language=code)
                self._describe()

        self.push_screen(Picker("Language spoken", choices, current), chosen)

    def action_translate(self) -> None:
        """Switch translation on or off."""
        if self._live is None:
            return
        if "translate" not in self._live.engine.info.tasks:
            self.notify("This model cannot translate.", severity="warning")
            return
        self._request = replace(self._request, translate=not self._request.translate)
        language = parse_language(self._request.language, self._live.engine.info.languages)
        self._live.session.configure(language, translate=self._request.translate)
        self._describe()

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one("#search", Input)
        search.remove_class("hidden")
        search.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        if event.input.id == "search":
            found = self.query_one(Captions).search(event.value)
            event.input.border_subtitle = f"{found}" if event.value else ""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to reading; n and N go on."""
        if event.input.id == "search":
            captions = self.query_one(Captions)
            captions.focus()
            if event.value:
                number, count = captions.next_match(0)
                self.notify(
                    f"{number} of {count}" if count else "Not found", title=event.value, timeout=2, markup=False
                )

    def action_match(self, step: int) -> None:
        """Go to another place of the search."""
        number, count = self.query_one(Captions).next_match(step)
        if count:
            self.notify(f"{number} of {count}", timeout=2)

    def action_close_search(self) -> None:
        """End the search."""
        search = self.query_one("#search", Input)
        search.value = ""
        search.add_class("hidden")
        self.query_one(Captions).focus()

    def action_copy(self) -> None:
        """Copy all captions, also over ssh (OSC 52)."""
        text = self.query_one(Captions).text
        self.copy_to_clipboard(text)
        self.notify(f"{len(text.split())} words copied." if text else "There is nothing to copy yet.")

    def action_save(self) -> None:
        """Save under another name."""
        if self._live is None:
            return
        default = Path.cwd() / f"{Path(self._live.feed.source_name).stem} captions"
        self.push_screen(SaveDialog(default, "txt,srt"), self._save)

    def _save(self, choice: SaveChoice | None) -> None:
        if choice is None or self._live is None:
            return
        try:
            paths = self._live.save(choice.stem, choice.formats)
        except Speech3nError as error:
            self.notify(error.hint, title=error.message, severity="error", timeout=10, markup=False)
        else:
            self.notify("\n".join(map(str, paths)), title="Saved", markup=False)

    def action_theme(self) -> None:
        """The next theme."""
        names = [theme.name for theme in _THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen())

    async def action_quit(self) -> None:
        """End the session as the end of its source would, then leave; a second time leaves at once."""
        if self._live is None or self._ended or self._quitting:
            self._leave(self._return_code or 0)
            return
        self._quitting = True
        self.query_one(StatusLine).phase = "finishing…"
        self._live.feed.stop()

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    def on_captions_following_changed(self, message: Captions.FollowingChanged) -> None:
        """Say that there is newer text where the reader has scrolled up."""
        self.query_one("#newer").set_class(message.following, "hidden")

    def _welcome(self, text: str) -> None:
        """Say what is going on while there is no text."""
        if self.query_one(Captions).is_empty:
            welcome = self.query_one("#welcome", Static)
            welcome.update(text)
            welcome.remove_class("hidden")
            self.query_one(Captions).add_class("hidden")

    def _describe(self) -> None:
        """Name source, languages and model in title and status line."""
        if self._live is None:
            return
        language = self._request.language
        code = parse_language(language, self._live.engine.info.languages)
        spoken = language_name(code) if code else "any language"
        task = f"{spoken} → English" if self._request.translate else spoken
        self.query_one("#title", Label).update(f"{self._live.feed.source_name}")
        self.query_one(StatusLine).about = f"{task}  {self._live.engine.info.name}"

    def _language_label(self, segment: Segment) -> str:
        """The language of a segment where it is detected and differs from the one before."""
        changed = self._request.language == "auto" and segment.language != self._language_shown
        self._language_shown = segment.language
        return segment.language or "" if changed else ""
