"""What `live` is made of: the request, the session and feed that it opens, and what is saved in the end."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from speech3n.audio.inputs import open_source
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.source import AudioSource
from speech3n.engines.base import Engine
from speech3n.engines.registry import install_model, resolve_model
from speech3n.errors import DeviceError, StorageError, UsageError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import parse_formats, write_transcript
from speech3n.journal.journal import Journal, SessionHeader, new_session_folder
from speech3n.languages import parse_language, parse_target_language
from speech3n.session.backlog import BacklogLimit, WhenBehind
from speech3n.session.feed import Feed, Pace, open_feed
from speech3n.session.options import SessionOptions
from speech3n.session.session import Session
from speech3n.session.transcript import TranscriptBuilder
from speech3n.types import Event, Segment, Transcript

DEFAULT_FORMATS = "txt,srt,json"
_MAX_LAG_S = {"wait": 3600.0, "skip": 10.0}


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """The command line of `live`."""

    source: str = "mic"
    model: str = "whisper-base"
    size: str | None = "auto"
    language: str = "auto"
    translate: bool = False
    to: str = "en"
    plain: bool = False
    jsonl: bool = False
    pace: Pace | None = None
    save: Path | None = None
    formats: str | None = None
    subtitles: str | None = None
    device: str | None = None
    list_devices: bool = False
    when_behind: WhenBehind = "wait"
    max_lag: float | None = None
    discard_audio: bool = False
    rate: int = 16000
    channels: int = 1
    sample_format: Literal["s16le", "s32le", "f32le"] = "s16le"
    theme: str = "dark"
    large: bool = False

    @property
    def limit(self) -> BacklogLimit:
        """What happens when recognition falls behind."""
        return BacklogLimit(self.when_behind, self.max_lag or _MAX_LAG_S[self.when_behind])


@dataclass(slots=True)
class LiveSession:
    """A session that is running: what to iterate, what to stop, where it is kept."""

    request: LiveRequest
    engine: Engine
    source: AudioSource
    session: Session
    feed: Feed
    journal: Journal
    segments: list[Segment] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        """Run the session, keeping its segments; raises what it raises."""
        for event in self.session.run(self.feed):
            self.keep(event)
            yield event

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the sound, such as damaged parts of a file."""
        return list(self.source.warnings)

    def keep(self, event: Event) -> None:
        """Take note of an event for the transcript."""
        if isinstance(event, Segment):
            self.segments.append(event)

    @property
    def transcript(self) -> Transcript:
        """All segments so far."""
        options = self.session.options
        builder = TranscriptBuilder(self.feed.source_name, self.engine.info.name, self.segments, self.feed.captured_s)
        return builder.build(options.language, translate=options.translate)

    def close(self, *, clean: bool) -> list[Path]:
        """End the journal and write the transcripts into the session's folder; the sound stays unless it may go.

        A session in which nothing was heard leaves nothing behind. Raises StorageError where the transcripts
        cannot be written; the journal is kept then, and with it all that was recognised.
        """
        self.feed.stop()
        folder = self.journal.folder
        if not self.feed.captured_s:
            self.journal.discard()
            return []
        keep_audio = True
        try:
            paths = self.save(folder / "transcript", self.request.formats or DEFAULT_FORMATS)
            keep_audio = not (clean and self.request.discard_audio)
        except StorageError as error:
            hint = f"All text is kept in the journal: make room, then run `speech3n recover {folder}`."
            raise StorageError(error.message, hint) from error
        finally:
            self.journal.close(keep_audio=keep_audio)
        return paths

    def save(self, stem: Path, formats: str) -> list[Path]:
        """Write the transcript so far as `<stem>.<format>`."""
        content = self.request.subtitles or ("both" if self.session.options.translate else "source")
        return write_transcript(self.transcript, parse_formats(formats), stem, SubtitleOptions(content=content))


def run(request: LiveRequest) -> int:
    """Caption until the source ends or people have had enough; the exit code."""
    if request.plain and request.jsonl:
        raise UsageError("--plain and --jsonl exclude each other.")
    if request.list_devices:
        return _list_devices()
    parse_formats(request.formats or DEFAULT_FORMATS)
    parse_target_language(request.to)
    model = resolve_model(request.model, request.size)
    install_model(model)
    if not (request.jsonl or request.plain) and sys.stdout.isatty():
        from speech3n.tui.terminal import has_terminal

        if has_terminal():
            from speech3n.tui.app import run_app

            return run_app(request, model)
    from speech3n.tui.plain import run_plain

    return run_plain(request, model)


def open_live(request: LiveRequest, engine: Engine, default_pace: Pace) -> LiveSession:
    """Open source, journal, session and feed; raises Speech3nError for whatever of it cannot be opened."""
    language = parse_language(request.language, engine.info.languages)
    target = parse_target_language(request.to)
    if request.translate:
        engine.info.require_translation(target)
    with ExitStack() as opened:
        pcm = PcmFormat(request.rate, request.channels, request.sample_format)
        source = open_source(request.source, device=request.device, pcm=pcm)
        opened.callback(source.close)
        started_at = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        header = SessionHeader(source.name, request.model, language, request.translate, started_at, target)
        journal = Journal.create(request.save or new_session_folder(), header)
        opened.callback(journal.discard)
        options = SessionOptions(language, request.translate, target)
        session = Session(engine, options, journal)
        pace = request.pace or default_pace
        feed = open_feed(source, pace=pace, recording=journal.recording, limit=request.limit)
        opened.pop_all()
    return LiveSession(request, engine, source, session, feed, journal)


def request_again(request: LiveRequest) -> LiveRequest:
    """The same request once more, beside the session that an earlier try left in its folder."""
    if request.save is None or not request.save.exists():
        return request
    folders = (request.save.with_name(f"{request.save.name}-{number}") for number in itertools.count(2))
    return replace(request, save=next(folder for folder in folders if not folder.exists()))


def saved_line(live: LiveSession, paths: list[Path]) -> str:
    """Where a session that was closed is kept."""
    if not paths:
        return "Nothing was heard, so nothing was kept."
    names = ", ".join(path.name for path in paths)
    return f"Session kept in {live.journal.folder} ({names})"


def _list_devices() -> int:
    from speech3n.audio.microphone import list_devices

    devices = list_devices()
    if not devices:
        raise DeviceError("No microphone was found.", "Plug one in, or allow this program to use it.")
    for device in devices:
        mark = "*" if device.is_default else " "
        click.echo(f"{mark} {device.index:3}  {device.name}  ({device.channels} ch, {device.sample_rate:.0f} Hz)")
    return 0
