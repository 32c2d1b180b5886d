"""A recording from beginning to end: the same road as live captions, unclocked, each utterance recognised once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from speech3n.audio.inputs import open_source
from speech3n.audio.source import AudioSource
from speech3n.engines.base import Engine
from speech3n.engines.registry import install_model, open_engine, resolve_model
from speech3n.errors import Speech3nError
from speech3n.languages import parse_language, parse_target_language
from speech3n.session.feed import PulledFeed
from speech3n.session.options import SessionOptions, file_options
from speech3n.session.session import Session
from speech3n.session.transcript import TranscriptBuilder
from speech3n.store import DEFAULT_MODEL
from speech3n.types import Transcript


class Interrupted(Exception):
    """A source that could not be read to its end; `transcript` is what was recognised until then."""

    def __init__(self, transcript: Transcript, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.transcript = transcript
        self.cause = cause


def transcribe_file(
    path: str | Path,
    *,
    model: str | Engine = DEFAULT_MODEL,
    size: str | None = None,
    language: str | None = None,
    translate: bool = False,
    to: str = "en",
) -> Transcript:
    """Recognise a recording from beginning to end, and translate it.

    `path` is a file or its address, `model` a name, a folder or, for many files, an engine that is open; languages are
    codes or English names, None detects the one that is spoken. A named model that is missing is fetched where stderr
    is a terminal. Raises Speech3nError where something is missing or does not fit together, and Interrupted, which has
    what was recognised until then, where the recording breaks off.
    """
    target = parse_target_language(to)
    with ExitStack() as opened:
        source = open_source(path)
        opened.callback(source.close)
        if isinstance(model, str):
            found = resolve_model(model, size)
            install_model(found)
            model = opened.enter_context(closing(open_engine(found)))
        if translate:
            model.info.require_translation(target)
        spoken = parse_language(language, model.info.languages)
        return transcribe_source(model, source, file_options(spoken, translate=translate, target_language=target))


def transcribe_source(
    engine: Engine, source: AudioSource, options: SessionOptions, on_progress: Callable[[float], None] = lambda _: None
) -> Transcript:
    """Recognise a source from beginning to end and close it; `on_progress` gets the seconds that are done.

    Raises Interrupted, with what was recognised until then, where the source fails or the user interrupts.
    """
    builder = TranscriptBuilder(source.name, engine.info.name)

    def transcript() -> Transcript:
        return builder.build(options.language, translate=options.translate)

    try:
        # Nobody waits, so that a pipe is read no faster than it is recognised.
        for event in Session(engine, options).run(PulledFeed(source, is_paced=False)):
            builder.add(event)
            on_progress(builder.duration_s)
    except (Speech3nError, KeyboardInterrupt) as error:
        raise Interrupted(transcript(), error) from error
    finally:
        source.close()
    return transcript()
