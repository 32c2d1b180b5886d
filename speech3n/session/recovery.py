"""The transcript of a session that was killed: what it had recognised, and what its recording still holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from speech3n.engines.base import Engine
from speech3n.engines.registry import open_engine, resolve_model
from speech3n.errors import ModelError, Speech3nError, StorageError, UsageError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import parse_formats, render, write_transcript
from speech3n.journal.recording import Recording
from speech3n.journal.saved import SavedSession
from speech3n.languages import parse_language, parse_target_language
from speech3n.session.intervals import merged, without
from speech3n.session.offline import Interrupted, transcribe_source
from speech3n.session.options import file_options
from speech3n.session.transcript import TranscriptBuilder
from speech3n.store import DEFAULT_MODEL
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Segment, Transcript, Waveform, Word

_SHORTEST_S = 0.2
_SHORTEST_LOST_S = 1.0
"""The same between segments where events are lost: pauses are shorter than lost segments."""
_DEFAULT_FORMATS = "txt,srt,json"


@dataclass(frozen=True, slots=True)
class RecoverRequest:
    """The session's folder, the model for what is missing (None for the session's own), and what is written where."""

    folder: Path
    model: str | None = None
    size: str | None = None
    formats: str | None = None
    subtitles: str | None = None
    output_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """The transcripts that were written, and why they lack what was recorded and not yet recognised, if they do."""

    paths: list[Path]
    failure: Speech3nError | None = None


def recover_session(request: RecoverRequest, note: Callable[[str], None] = lambda _: None) -> Recovered:
    """Write the transcripts of a session that was killed; `note` is told what is going on.

    Where no model is there to recognise what is missing, or it fails, what was recognised before is written. Raises
    UsageError, StorageError.
    """
    formats = parse_formats(request.formats or _DEFAULT_FORMATS)
    session = SavedSession.load(request.folder)
    for damage in session.damage:
        note(f"{request.folder}: {damage}")
    missing_s = sum(end - start for start, end in missing_stretches(session))
    failure: Speech3nError | None = None
    with ExitStack() as opened:
        engine: Engine | None = None
        if missing_s:
            note(f"Recognising {missing_s:.1f} s that were recorded and not yet recognised…")
            try:
                engine = opened.enter_context(closing(_open_engine(request, session.header.model or DEFAULT_MODEL)))
            except ModelError as error:
                failure = error
        try:
            transcript = recover_transcript(session, engine)
        except Interrupted as interrupted:
            if not isinstance(interrupted.cause, Speech3nError):
                raise interrupted.cause from interrupted
            transcript, failure = interrupted.transcript, interrupted.cause
    layout = SubtitleOptions(content=request.subtitles or ("both" if session.header.translate else "source"))
    stem = (request.output_dir or request.folder) / "transcript"
    contents = {stem.with_name(f"{stem.name}.{name}"): render(transcript, name, layout) for name in formats}
    for path, text in contents.items():
        if (kept := _put_aside(path, text)) is not None:
            note(f"{path}: what was there is kept as '{kept.name}'.")
    is_private = request.output_dir is None
    return Recovered(write_transcript(transcript, formats, stem, layout, private=is_private), failure)


def _put_aside(path: Path, text: str) -> Path | None:
    """Rename a transcript that is there and says something else, which a person may have corrected; its new name.

    Raises StorageError.
    """
    try:
        if not path.is_file() or path.read_bytes() == text.encode(errors="backslashreplace"):
            return None
        names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in itertools.count(1))
        return path.rename(next(name for name in names if not name.exists()))
    except OSError as error:
        raise StorageError(f"'{path}' cannot be kept: {error.strerror or error}.", "Move it away.") from error


def _open_engine(request: RecoverRequest, recorded_with: str) -> Engine:
    """The engine that was asked for, or the session's own; ModelError where that is not known here any more."""
    try:
        model = resolve_model(request.model or recorded_with, request.size)
    except UsageError as error:
        if request.model is None and request.size is None:
            raise ModelError(error.message, "Choose another with --model.") from error
        raise
    return open_engine(model)


def missing_stretches(session: SavedSession) -> list[tuple[float, float]]:
    """What was recorded and has no text, in seconds: skipped stretches, and all after the last committed word.

    Where events are lost, also whatever lies between segments.
    """
    recording = session.recording
    recorded_s = recording.samples / SAMPLE_RATE
    texts = [*session.segments, *([session.unfinished] if session.unfinished is not None else [])]
    covered = [(text.start, text.end) for text in texts]
    wanted = list(session.gaps)
    if not session.ended:
        wanted.append((max((end for _, end in covered), default=0.0), recorded_s))
    shortest_s = _SHORTEST_S
    if session.lost_events:
        wanted, shortest_s = [(0.0, recorded_s)], _SHORTEST_LOST_S
    absent = [(start / SAMPLE_RATE, end / SAMPLE_RATE) for start, end in recording.holes]
    stretches = without(without(merged(wanted), absent), covered)
    clipped = [(start, min(end, recorded_s)) for start, end in stretches]
    return [(start, end) for start, end in clipped if end - start > shortest_s]


def recover_transcript(
    session: SavedSession, engine: Engine | None, on_progress: Callable[[float], None] = lambda _: None
) -> Transcript:
    """All of `session`, with what is missing recognised now; without an engine only what was recognised.

    Raises UsageError where the engine does not translate to the language of the session, and Interrupted, which has
    what was recognised before and until then.
    """
    segments = list(session.segments)
    interrupted: Interrupted | None = None
    if engine is not None:
        translate, target = session.header.translate, session.header.target_language
        if translate:
            engine.info.require_translation(target)
        done_s = 0.0
        recording, language = session.recording, _spoken_language(session, engine)
        options = file_options(language, translate=translate, target_language=target)
        for start_s, end_s in missing_stretches(session):
            source = RecordingSource(recording, start_s, end_s)
            try:
                found = transcribe_source(engine, source, options, _shifted(on_progress, done_s))
            except Interrupted as error:
                interrupted, found = error, error.transcript
            segments += [_moved(segment, start_s) for segment in found.segments]
            done_s += end_s - start_s
            if interrupted is not None:
                break
    unfinished = session.unfinished
    if unfinished is not None and (unfinished.words or not any(s.end > unfinished.start for s in segments)):
        segments.append(unfinished)
    header, recorded_s = session.header, session.recording.samples / SAMPLE_RATE
    builder = TranscriptBuilder(header.source, header.model, segments, recorded_s)
    transcript = builder.build(header.language, translate=header.translate)
    if interrupted is not None:
        raise Interrupted(transcript, interrupted.cause) from interrupted
    return transcript


def _spoken_language(session: SavedSession, engine: Engine) -> str | None:
    """The language that the session was told, None to detect it; raises UsageError where the engine lacks it."""
    told = session.header.language
    if told not in engine.info.languages:
        try:
            parse_target_language(told or "auto")
        except UsageError:
            return None  # no language at all: whatever somebody wrote there, the sound still has one
    return parse_language(told, engine.info.languages)


class RecordingSource:
    """A stretch of a session's recording, as an AudioSource."""

    is_live = False

    def __init__(self, recording: Recording, start_s: float, end_s: float) -> None:
        self.name = "recording"
        self.warnings: list[str] = []
        self.duration_s: float | None = end_s - start_s
        self._recording = recording
        self._start = round(start_s * SAMPLE_RATE)
        self._end = round(end_s * SAMPLE_RATE)

    def frames(self) -> Iterator[Waveform]:
        """Frames of 160 ms, the last one shorter."""
        for start in range(self._start, self._end, FRAME_SAMPLES):
            pcm = self._recording.read(start, min(FRAME_SAMPLES, self._end - start))
            if not len(pcm):
                return
            yield pcm

    def close(self) -> None:
        """Nothing is held open."""


def _shifted(on_progress: Callable[[float], None], by_s: float) -> Callable[[float], None]:
    return lambda heard_s: on_progress(by_s + heard_s)


def _moved(segment: Segment, by_s: float) -> Segment:
    words = tuple(Word(w.text, w.start + by_s, w.end + by_s, w.confidence) for w in segment.words)
    return replace(segment, start=segment.start + by_s, end=segment.end + by_s, words=words)
