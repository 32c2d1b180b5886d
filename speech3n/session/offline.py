"""A recording from beginning to end: the same road as live captions, unclocked, each utterance recognised once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from speech3n.audio.inputs import open_source
from speech3n.audio.source import AudioSource
from speech3n.engines.base import Engine
from speech3n.errors import Speech3nError
from speech3n.session.feed import PulledFeed
from speech3n.session.options import SessionOptions, file_options
from speech3n.session.session import Session
from speech3n.session.transcript import TranscriptBuilder
from speech3n.types import Transcript


class Interrupted(Exception):
    """A source that could not be heard to its end; `transcript` is what was recognised until then."""

    def __init__(self, transcript: Transcript, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.transcript = transcript
        self.cause = cause


def transcribe_file(engine: Engine, path: str | Path, options: SessionOptions | None = None) -> Transcript:
    """Recognise a file, or what an address or `-` gives; raises AudioError, and Interrupted where it breaks off."""
    return transcribe_source(engine, open_source(path), options or file_options())


def transcribe_source(
    engine: Engine, source: AudioSource, options: SessionOptions, on_progress: Callable[[float], None] = lambda _: None
) -> Transcript:
    """Recognise a source from beginning to end and close it; `on_progress` gets the seconds heard so far.

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
