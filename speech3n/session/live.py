"""A live session: opened from a request, iterated for its events, kept in a folder, closed with its transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from speech3n.audio.inputs import Input, open_source
from speech3n.audio.pcm import PcmFormat, SampleFormat
from speech3n.audio.source import AudioSource
from speech3n.engines.base import AUTO_SIZE, Engine, ModelRef
from speech3n.engines.registry import install_model, open_engine, resolve_model
from speech3n.errors import StorageError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import parse_formats, rescue_transcript, write_transcript
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.languages import parse_language, parse_target_language
from speech3n.session.backlog import BacklogLimit, WhenBehind
from speech3n.session.feed import Feed, Pace, open_feed
from speech3n.session.options import SessionOptions
from speech3n.session.session import Session
from speech3n.session.transcript import TranscriptBuilder
from speech3n.store import DEFAULT_MODEL
from speech3n.types import SAMPLE_RATE, Event, Segment, Transcript

_FORMATS = "txt,srt,json"
_MAX_LAG_S = {"wait": 3600.0, "skip": 10.0}


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What to caption and how; the options of `speech3n live` that do not only concern the screen."""

    source: Input = "mic"
    """`mic`, `-` for standard input, a file or its address, or blocks of float32 samples from any iterable."""
    model: str = DEFAULT_MODEL
    """Name of a model or a folder that holds one."""
    size: str | None = AUTO_SIZE
    """Size at which an elastic model runs; `auto` goes by the lag, None is all of it."""
    language: str | None = None
    """Language that is spoken, by code or English name; None detects it."""
    translate: bool = False
    to: str = "en"
    """Language to translate to, by code or English name."""
    pace: Pace | None = None
    """How fast a file is played, None for as fast as can be; microphones and pipes are always taken as they come."""
    save: Path | None = None
    """Folder for the session; None for a new one in the user's data folder."""
    formats: str | None = None
    """Transcripts that are written in the end, such as `srt,json`; None for txt, srt and json."""
    subtitles: Literal["source", "translation", "both"] | None = None
    """What SRT and WebVTT show; None for both where there is a translation."""
    device: str | None = None
    """Microphone, by number or part of its name."""
    when_behind: WhenBehind = "wait"
    max_lag: float | None = None
    """Seconds; None for an hour to wait and 10 s to skip."""
    discard_audio: bool = False
    """Delete the session's sound after a clean end."""
    rate: int = SAMPLE_RATE
    """Sample rate in Hz of raw PCM on standard input, or of blocks."""
    channels: int = 1
    sample_format: SampleFormat = "s16le"
    """Raw PCM on standard input."""

    @property
    def limit(self) -> BacklogLimit:
        """What happens when recognition falls behind."""
        return BacklogLimit(self.when_behind, self.max_lag or _MAX_LAG_S[self.when_behind])

    def prepare(self) -> ModelRef:
        """The model, fetched where it is missing and stderr is a terminal; nothing is opened.

        Raises UsageError for whatever of the request does not exist or fit together, ModelError where the model is
        missing and cannot be fetched, MissingExtraError where the packages are missing that run it.
        """
        parse_formats(self.formats or _FORMATS)
        parse_target_language(self.to)
        model = resolve_model(self.model, self.size)
        install_model(model)
        return model


@dataclass(slots=True)
class LiveSession:
    """A session that is running: its events, what can be done with it meanwhile, and where it is kept.

    A context manager, which closes it. Events are for one thread; all else may be called from any.
    """

    request: LiveRequest
    engine: Engine
    source: AudioSource
    session: Session
    feed: Feed
    journal: Journal
    owns_engine: bool = False
    """Whether `close` frees the engine."""
    paths: list[Path] = field(default_factory=list, init=False)
    """The transcripts that `close` wrote; none where there was no sound."""
    _builder: TranscriptBuilder = field(init=False)
    _is_complete: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._builder = TranscriptBuilder(self.feed.source_name, self.engine.info.name)

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def events(self) -> Iterator[Event]:
        """Run the session to its end, yielding what happens as it happens; raises what the session raises."""
        for event in self.session.run(self.feed):
            self._builder.add(event)
            yield event
        self._is_complete = True

    @property
    def folder(self) -> Path:
        """Where the session is kept."""
        return self.journal.folder

    @property
    def segments(self) -> list[Segment]:
        """The segments so far."""
        return self._builder.segments

    @property
    def transcript(self) -> Transcript:
        """All segments so far."""
        options = self.session.options
        return self._builder.build(options.language, translate=options.translate)

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the sound, such as damaged parts of a file."""
        return list(self.source.warnings)

    @property
    def paused(self) -> bool:
        """Whether the session is paused."""
        return self.feed.paused

    def pause(self, paused: bool) -> None:
        """Take no sound, or go on."""
        self.feed.pause(paused)

    def configure(self, language: str | None, *, translate: bool) -> None:
        """Change language, by code or name, and task from the next utterance on."""
        self.session.configure(parse_language(language, self.engine.info.languages), translate=translate)

    def stop(self) -> None:
        """Take no more sound; what came in before is still recognised, and then `events` ends."""
        self.feed.stop()

    def save(self, stem: Path, formats: str, *, private: bool = False) -> list[Path]:
        """Write the transcript so far as `<stem>.<format>`; `private` ones only their owner may read."""
        return write_transcript(self.transcript, parse_formats(formats), stem, self._layout, private=private)

    def close(self) -> list[Path]:
        """End the journal and write the transcripts into the session's folder; a second time does nothing.

        The sound stays, unless the request says otherwise and `events` came to its end. A session to which no
        sound came leaves nothing behind. Raises StorageError where the transcripts cannot be written; the journal is
        kept then, and with it all that was recognised.
        """
        if not self._is_closed:
            self._is_closed = True
            self.stop()
            self.source.close()
            try:
                self._end_journal()
            finally:
                if self.owns_engine:
                    self.engine.close()
        return self.paths

    def _end_journal(self) -> None:
        if not self.feed.captured_s:
            self.journal.discard()
            return
        formats = self.request.formats or _FORMATS
        keep_audio = True
        try:
            self.paths = self.save(self.folder / "transcript", formats, private=True)
            keep_audio = not (self._is_complete and self.request.discard_audio)
        except StorageError as error:
            failure = StorageError(error.message, self._save_elsewhere(formats))
            # That events could not be written either is no news, and would stand in the place of what is.
            with suppress(StorageError):
                self.journal.close()
            raise failure from error
        finally:
            self.journal.close(keep_audio=keep_audio)

    def _save_elsewhere(self, formats: str) -> str:
        """Write the transcripts, for which there is no room, among the temporary files; what to do, in a sentence."""
        if self.journal.is_whole:
            return f"All text is kept in the journal: make room, then run `speech3n recover {self.folder}`."
        try:
            self.paths = rescue_transcript(self.transcript, parse_formats(formats), "transcript", self._layout)
        except StorageError:
            # Not even there.
            return f"What was written before is kept: make room, then run `speech3n recover {self.folder}`."
        return f"The transcript is in '{self.paths[0].parent}' instead: make room, and move it."

    @property
    def _layout(self) -> SubtitleOptions:
        return SubtitleOptions(self.request.subtitles or ("both" if self.session.options.translate else "source"))


def open_live(request: LiveRequest, engine: Engine | None = None) -> LiveSession:
    """Open engine (where none is given), source, journal and feed; what is opened here is closed by the session.

    Raises UsageError for what does not exist or fit together, and another Speech3nError for what cannot be opened.
    """
    with ExitStack() as opened:
        owns_engine = engine is None
        if engine is None:
            engine = open_engine(request.prepare())
            opened.callback(engine.close)
        language = parse_language(request.language, engine.info.languages)
        target = parse_target_language(request.to)
        if request.translate:
            engine.info.require_translation(target)
        pcm = PcmFormat(request.rate, request.channels, request.sample_format)
        source = open_source(request.source, device=request.device, pcm=pcm)
        opened.callback(source.close)
        started_at = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        header = SessionHeader(source.name, request.model, language, request.translate, started_at, target)
        journal = Journal.create(request.save, header)
        opened.callback(journal.discard)
        session = Session(engine, SessionOptions(language, request.translate, target), journal)
        feed = open_feed(source, pace=request.pace or "max", recording=journal.recording, limit=request.limit)
        opened.pop_all()
    return LiveSession(request, engine, source, session, feed, journal, owns_engine)
