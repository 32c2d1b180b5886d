"""An app without a recogniser: the tests say what the worker thread would say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fakes import FakeEngine, FakeSource
from textual.message import Message
from textual.pilot import Pilot

from speech3n.engines.base import Engine
from speech3n.feed import open_feed
from speech3n.journal import Journal, SessionHeader
from speech3n.session import Session, SessionOptions
from speech3n.types import Event, Segment, Status, Update, Word
from tui.app import LiveApp
from tui.live import LiveRequest, LiveSession
from tui.messages import Happened, Opened

TALK = (
    (0.6, "Buenas tardes a todos y gracias por venir.", "Good afternoon everyone, and thank you for coming."),
    (
        4.2,
        "Hoy quiero hablarles de cómo aprendemos a escuchar, y de por qué escuchar cuesta más que oír.",
        "Today I want to talk about how we learn to listen, and why listening is harder than hearing.",
    ),
    (
        11.9,
        "Un niño de dos años reconoce la voz de su madre en una habitación llena de gente.",
        "A two-year-old child recognises its mother's voice in a room full of people.",
    ),
    (17.5, "Una máquina, hasta hace poco, no podía.", "A machine, until recently, could not."),
    (
        21.3,
        "¿Qué hace el cerebro con todo ese ruido? No lo borra: lo pone a un lado.",
        "What does the brain do with all that noise? It does not erase it: it puts it aside.",
    ),
)


class SilentApp(LiveApp):
    """The UI alone: the worker thread does nothing."""

    def _caption(self) -> None:  # type: ignore[override]
        pass


def make_live(folder: Path, request: LiveRequest, engine: Engine | None = None, seconds: float = 8.0) -> LiveSession:
    """A session over a tone that nobody has run yet."""
    journal = Journal.create(folder, SessionHeader("charla.mp4", "fake"))
    source = FakeSource(np.full(round(16_000 * seconds), 0.1, np.float32))
    source.name = "charla.mp4"
    engine = engine or FakeEngine()
    session = Session(engine, SessionOptions(None, request.translate), journal)
    return LiveSession(request, engine, source, session, open_feed(source), journal)


def silent_app(*, translate: bool = True, language: str = "es", source: str = "charla.mp4") -> SilentApp:
    """An app that waits for what the test says; its session goes to `session`, relative to where the test is."""
    return SilentApp(LiveRequest(source, language=language, translate=translate, save=Path("session")), lambda _: None)  # type: ignore[arg-type,return-value]


async def open_session(app: SilentApp, pilot: Pilot[None]) -> LiveSession:
    """Let captions begin."""
    live = make_live(app._request.save or Path("session"), app._request)
    await say(app, pilot, Opened(live))
    return live


async def say(app: LiveApp, pilot: Pilot[None], *what: Message | Event) -> None:
    """Let the worker thread say something, and wait until it is on the screen."""
    for item in what:
        app.post_message(item if isinstance(item, Message) else Happened(item))
    await pilot.pause()


def segment(
    number: int, text: str, translation: str | None = None, start: float = 0.0, language: str = "es"
) -> Segment:
    """A finished segment."""
    return Segment(number, start, start + 2.0, text, (), language, translation)


def talk(*, translate: bool = True) -> list[Segment]:
    """The segments of a short talk."""
    return [segment(n, text, english if translate else None, start) for n, (start, text, english) in enumerate(TALK)]


def talking(*, translate: bool = True) -> Update:
    """The utterance that is going on in the talk."""
    committed = tuple(Word(text, 28.4, 29.0, 0.9) for text in "Y eso mismo es lo que".split())
    tentative = tuple(Word(text, 29.0, 30.0, 0.5) for text in "intentamos enseñarle…".split())
    done, rest = ("And that is exactly".split(), "what we try".split()) if translate else ([], [])
    return Update(committed, tentative, tuple(done), tuple(rest), len(TALK), "es", 30.4, 30.6)


def status(**changes: float | bool) -> Status:
    """A session that is doing well."""
    values: dict[str, float | bool] = {
        "audio_s": 30.6,
        "lag_s": 0.3,
        "elapsed_s": 30.6,
        "rtf": 0.31,
        "level_db": -22.0,
        "is_speech": True,
        **changes,
    }
    return Status(**values)  # type: ignore[arg-type]
