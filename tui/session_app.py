"""An app that runs sessions and shows what happens; its keys are in `app`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.widgets import Static

from speech3n.errors import DeviceError, UsageError
from speech3n.languages import language_name, parse_language, parse_target_language
from speech3n.session.live import LiveRequest, LiveSession
from speech3n.tui.command import Appearance
from speech3n.tui.failures import describe
from speech3n.tui.farewell import saved_line
from speech3n.tui.keys import keys_for
from speech3n.tui.messages import Arrived, Finished, Opened
from speech3n.tui.paragraphs import Script
from speech3n.tui.themes import THEMES
from speech3n.tui.widgets.banner import Banner
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.error_panel import ErrorPanel
from speech3n.tui.widgets.heading import Heading
from speech3n.tui.widgets.keys import KeyLine
from speech3n.tui.widgets.search_bar import SearchBar
from speech3n.tui.widgets.status import About, StatusLine
from speech3n.tui.worker import Backend, Worker
from speech3n.types import Event, Gap, ModelSize, Notice, Segment, Status, Update

Phase = Literal["loading", "listening", "paused", "finishing", "finished", "stopped", "failed"]
"""`stopped` is a session that broke off, `failed` one that never began."""

ENDED = frozenset({"finished", "stopped", "failed"})
RUNNING = frozenset({"listening", "paused"})


_APPEARANCE = Appearance()


class SessionApp(App[None]):
    """Captions of one source."""

    CSS_PATH = "app.tcss"
    TITLE = "speech3n live"
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012

    def __init__(self, request: LiveRequest, backend: Backend, appearance: Appearance = _APPEARANCE) -> None:
        super().__init__()
        self.failure: Exception | None = None
        """What the last session failed with."""
        self.farewell: list[str] = []
        """What to say after the screen is gone: where things were saved."""
        self._large = appearance.large
        self._request = replace(request, pace=request.pace or "realtime")
        self._worker = Worker(backend, self.post_message)
        self._live: LiveSession | None = None
        self._script = Script()
        self._phase: Phase = "loading"
        self._detected: str | None = None
        self._model_size = ""
        """At which an elastic model goes on."""
        self._quits = 0
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = appearance.theme

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
        captions.is_large = self._large
        self._begin()

    def on_unmount(self) -> None:
        """However the UI ends, the session ends with it, and is saved by its own thread."""
        if self._live is not None:
            self._live.stop()
        self._worker.abort()

    # The session

    def _begin(self) -> None:
        self._live, self.failure, self._detected, self._model_size = None, None, None, ""
        self._script = Script(tags=self._request.language is None)
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
            message.live.stop()
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
            case ModelSize():
                self._model_size = event.size
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
        kept = saved_line(message.live) if message.live is not None and message.live.paths else ""
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
        target = language_name(parse_target_language(self._request.to))
        is_auto = wanted is None
        code = self._detected if is_auto or live is None else parse_language(wanted, live.engine.info.languages)
        spoken = language_name(code) if code else wanted or ""
        task = f"{spoken} (auto)" if is_auto and spoken else spoken or "any language"
        if self._request.translate:
            task += f" → {target}"
        duration_s = live.source.duration_s if live is not None else None
        model = live.engine.info.name if live is not None else self._request.model
        if self._model_size:
            model += f" at {self._model_size}"
        self.query_one(StatusLine).about = About(duration_s, task, model)
        heading = self.query_one(Heading)
        heading.target = target
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
