"""A session that says what a test wants, when it wants it: no clock, no sound, no model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from speech3n.audio.microphone import InputDevice
from speech3n.engines.base import Engine, EngineInfo
from speech3n.errors import StorageError
from speech3n.session.live import LiveRequest, LiveSession
from speech3n.session.options import SessionOptions
from speech3n.tui.worker import Backend
from speech3n.types import End, Event, Segment, Status, Update, Word

LANGUAGES = frozenset({"en", "es", "fr", "it", "pt", "de", "ja", "zh", "sv", "uk", "ca", "gl"})
DEVICES = [InputDevice(0, "Built-in Microphone", 1, 44100, True), InputDevice(3, "USB Podcast Mic", 1, 48000, False)]


class ScriptedEngine:
    def __init__(self, tasks: Iterable[str] = ("transcribe", "translate")) -> None:
        self.info = EngineInfo("whisper-base", LANGUAGES, frozenset(tasks))
        self.closed = False

    def open_stream(self, options: object) -> None:
        raise AssertionError("no sound is recognised here")

    def close(self) -> None:
        self.closed = True


@dataclass
class ScriptedSource:
    name: str = "entrevista.m4a"
    duration_s: float | None = 3600.0
    is_live: bool = False
    warnings: tuple[str, ...] = ()


class ScriptedFeed:
    """Its events go on until they end, or `stop`; with `hold` they then wait for `stop`."""

    def __init__(self, name: str) -> None:
        self.source_name = name
        self.captured_s = 0.0
        self.paused = False
        self.stopped = threading.Event()

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def stop(self) -> None:
        self.stopped.set()


@dataclass
class ScriptedSession:
    script: list[Event | Exception]
    options: SessionOptions
    hold: bool = False
    after_stop: list[Event] = field(default_factory=list)
    configured: list[tuple[str | None, bool]] = field(default_factory=list)

    def configure(self, language: str | None, *, translate: bool) -> None:
        self.configured.append((language, translate))
        self.options = SessionOptions(language, translate)

    def run(self, feed: ScriptedFeed) -> Iterator[Event]:
        for event in self.script:
            if isinstance(event, Exception):
                raise event
            feed.captured_s = max(feed.captured_s, getattr(event, "audio_s", getattr(event, "end", 0.0)))
            yield event
        if self.hold:
            assert feed.stopped.wait(30)
        yield from self.after_stop
        yield End(feed.captured_s, feed.captured_s)


@dataclass
class ScriptedJournal:
    folder: Path = Path("sessions/2026-03-01_10-00-00")
    closed: bool = False

    def discard(self) -> None:
        self.closed = True

    def close(self, *, keep_audio: bool = True) -> None:
        self.closed = True


class ScriptedLive(LiveSession):
    """A LiveSession that writes nowhere unless it is told to `save`."""

    full_disk = False

    def close(self) -> list[Path]:
        self.stop()
        self.journal.close()
        if self.full_disk:
            raise StorageError("The disk is full.", "Make room.")
        kinds = ("txt", "srt", "json") if self.segments else ()
        self.paths = [self.folder / f"transcript.{kind}" for kind in kinds]
        return self.paths


@dataclass
class Stage:
    """What a test sets up, and what came of it."""

    script: list[Event | Exception] = field(default_factory=list)
    hold: bool = True
    after_stop: list[Event] = field(default_factory=list)
    source: ScriptedSource = field(default_factory=ScriptedSource)
    tasks: tuple[str, ...] = ("transcribe", "translate")
    load: Callable[[], None] = lambda: None
    open: Callable[[], None] = lambda: None
    full_disk: bool = False
    devices: list[InputDevice] | Exception = field(default_factory=lambda: list(DEVICES))
    opened: list[LiveSession] = field(default_factory=list)
    requests: list[LiveRequest] = field(default_factory=list)
    engine: ScriptedEngine | None = None

    @property
    def live(self) -> LiveSession:
        return self.opened[-1]

    @property
    def session(self) -> ScriptedSession:
        return self.live.session  # type: ignore[return-value]

    def backend(self) -> Backend:
        return Backend(self._open_engine, self._open_live, self._list_devices)

    def _open_engine(self) -> Engine:
        self.load()
        self.engine = ScriptedEngine(self.tasks)
        return self.engine  # type: ignore[return-value]

    def _open_live(self, request: LiveRequest, engine: Engine | None) -> LiveSession:
        assert engine is self.engine
        self.requests.append(request)
        self.open()
        options = SessionOptions(request.language, request.translate)
        session = ScriptedSession(self.script, options, self.hold, self.after_stop)
        feed = ScriptedFeed(self.source.name)
        live = ScriptedLive(request, engine, self.source, session, feed, ScriptedJournal())  # type: ignore[arg-type]
        live.full_disk = self.full_disk
        self.opened.append(live)
        return live

    def _list_devices(self) -> list[InputDevice]:
        if isinstance(self.devices, Exception):
            raise self.devices
        return self.devices


def words(text: str, start: float) -> tuple[Word, ...]:
    """Words of a text, 0.3 s each."""
    return tuple(Word(word, start + 0.3 * i, start + 0.3 * (i + 1), 0.9) for i, word in enumerate(text.split()))


def update(
    segment: int, committed: str, tentative: str, translation: tuple[str, str] = ("", ""), *, start: float
) -> Update:
    done = words(committed, start)
    rest = words(tentative, done[-1].end if done else start)
    translated, guessed = (tuple(part.split()) for part in translation)
    return Update(done, rest, translated, guessed, segment, "es", start + 5, start + 5)


def status(audio_s: float = 754.0, **values: float | bool) -> Status:
    shown = {"lag_s": 0.4, "elapsed_s": audio_s, "rtf": 0.21, "level_db": -24.0, "is_speech": True, **values}
    return Status(audio_s, **shown)  # type: ignore[arg-type]


_SPANISH = """\
Buenos días a todas y a todos, y gracias por venir.
Hoy vamos a hablar de algo que nos afecta a cada uno de nosotros: el agua.
Hace veinte años, en este mismo valle, el río llegaba hasta el mar todos los meses del año.
Ahora hay meses en los que no llega.
¿Qué ha pasado? La respuesta no es sencilla, pero se puede contar en tres partes.
La primera es la lluvia, que ya no cae cuando la esperamos."""
_ENGLISH = """\
Good morning, everyone, and thank you for coming.
Today we are going to talk about something that affects each of us: water.
Twenty years ago, in this very valley, the river reached the sea every month of the year.
Now there are months when it does not.
What has happened? The answer is not simple, but it can be told in three parts.
The first is the rain, which no longer falls when we expect it."""
TALK = list(zip(_SPANISH.splitlines(), _ENGLISH.splitlines(), strict=True))


def talk(*, bilingual: bool, language: str = "es") -> list[Event | Exception]:
    """A talk as it stands twelve minutes in, someone speaking."""
    starts = [701.0, 705.4, 716.2, 722.9, 731.8, 741.5]
    segments: list[Event | Exception] = [
        Segment(i, start, start + 3.6, text, (), language, translation if bilingual else None)
        for i, (start, (text, translation)) in enumerate(zip(starts, TALK, strict=True))
    ]
    now = update(
        len(TALK),
        "La segunda es lo que hacemos",
        "con ella cuando por fin",
        ("The second is what we", "do with it when") if bilingual else ("", ""),
        start=748.0,
    )
    return [*segments, now, status()]
