"""Many inputs, one transcript each: what is wrong is found before any work, and no input stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from speech3n.audio.inputs import is_pipe, open_source
from speech3n.audio.media import reason
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.source import AudioSource, FileSource
from speech3n.engines.base import Engine
from speech3n.engines.registry import install_model, open_engine, resolve_model
from speech3n.errors import Speech3nError, StorageError, UsageError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import parse_formats, render, rescue_transcript, write_transcript
from speech3n.languages import language_name, parse_language, parse_target_language
from speech3n.session.jobs import Job, find_jobs
from speech3n.session.offline import Interrupted, transcribe_source
from speech3n.session.options import SessionOptions, file_options
from speech3n.types import SAMPLE_RATE, Transcript

_DEFAULT_FORMAT = "txt"
_MOST_OPEN = 32
"""Files kept open between being looked at and being read; a folder may hold more than a process may open."""


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """What to transcribe, how, and where the transcripts go."""

    inputs: tuple[str, ...]
    model: str
    size: str | None = None
    language: str | None = None
    translate: bool = False
    to: str = "en"
    formats: str | None = None
    subtitles: str | None = None
    output_dir: Path | None = None
    skip_existing: bool = False
    overwrite: bool = False
    rate: int = SAMPLE_RATE
    """With `channels` and `sample_format` what stdin holds where it does not begin as a container."""
    channels: int = 1
    sample_format: str = "s16le"

    @property
    def pcm(self) -> PcmFormat:
        """What raw PCM on stdin is."""
        return PcmFormat(self.rate, self.channels, self.sample_format)

    @property
    def is_shown(self) -> bool:
        """Whether the text is shown, not written."""
        return len(self.inputs) == 1 and self.output_dir is None and self.formats is None


class Reporter(Protocol):
    """Who is told what happens: the command line, a program."""

    def begin(self, files: int, total_s: float | None) -> AbstractContextManager[None]:
        """Work begins on so many inputs, of so many seconds where that is known of all."""
        ...

    def file(self, name: str) -> Callable[[float], None]:
        """An input is begun; what is returned takes the seconds of it that are done."""
        ...

    def note(self, text: str) -> None:
        """Something to know that is no failure."""
        ...

    def failure(self, error: BaseException) -> None:
        """An input that could not be transcribed, or not to its end."""
        ...

    def show(self, text: str) -> None:
        """A transcript, where it is to be shown and not written."""
        ...


def transcribe_all(request: TranscribeRequest, reporter: Reporter) -> bool:
    """Transcribe all inputs, and return whether all went well; raises UsageError before any work is done."""
    formats = parse_formats(request.formats or _DEFAULT_FORMAT)
    target = parse_target_language(request.to)
    jobs = find_jobs(request.inputs, request.output_dir)
    is_shown = request.is_shown and len(jobs) == 1
    if not is_shown:
        jobs = _left_to_do(jobs, formats, request)
    if not jobs:
        reporter.note("Nothing to do: every transcript is there already.")
        return True
    batch = _Batch(request, formats, reporter, is_shown=is_shown)
    sources = batch.look_at(jobs)
    if not sources:
        return False
    model = resolve_model(request.model, request.size)
    install_model(model)
    with closing(open_engine(model)) as engine:
        language = parse_language(request.language, engine.info.languages)
        if request.translate:
            engine.info.require_translation(target)
        options = file_options(language, translate=request.translate, target_language=target)
        with reporter.begin(len(jobs), _total_s(sources.values())):
            for job, source in sources.items():
                batch.transcribe(engine, job, source, options)
    return not batch.has_failed


def _left_to_do(jobs: list[Job], formats: tuple[str, ...], request: TranscribeRequest) -> list[Job]:
    """The jobs whose files are not all there; raises UsageError where one would be overwritten unasked."""
    inputs = {job.source.absolute() for job in jobs if isinstance(job.source, Path)}
    for job in jobs:
        for path in job.outputs(formats).values():
            if path.absolute() in inputs:
                raise UsageError(f"'{path}' is an input, and would be overwritten.", "Choose another --output-dir.")
            if _exists(path) and not request.skip_existing and not request.overwrite:
                raise UsageError(
                    f"'{path}' exists already.",
                    "Give --skip-existing to leave what is there, or --overwrite to write it anew.",
                )
    if not request.skip_existing:
        return jobs
    return [job for job in jobs if not all(path.exists() for path in job.outputs(formats).values())]


def _exists(path: Path) -> bool:
    """Whether a file is there already; raises UsageError where none can ever be."""
    try:
        return path.exists()
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written: {reason(error)}.", "Choose another --output-dir.") from error


def _total_s(sources: Iterable[AudioSource | None]) -> float | None:
    durations = [source.duration_s if source is not None else None for source in sources]
    return None if None in durations else sum(duration or 0.0 for duration in durations)


class _Batch:
    """The inputs of one request on their way."""

    def __init__(
        self, request: TranscribeRequest, formats: tuple[str, ...], reporter: Reporter, *, is_shown: bool
    ) -> None:
        self.has_failed = False
        self._request = request
        self._formats = formats
        self._reporter = reporter
        self._is_shown = is_shown
        self._layout = SubtitleOptions(content=request.subtitles or ("both" if request.translate else "source"))

    def look_at(self, jobs: list[Job]) -> dict[Job, AudioSource | None]:
        """Open what can be opened ahead; what can't be read is reported and left out, None is opened in its turn."""
        sources: dict[Job, AudioSource | None] = {}
        for job in jobs:
            # A pipe would wait for its writer, an address would not wait for us.
            is_later = isinstance(job.source, str) or is_pipe(job.source)
            if is_later and len(jobs) > 1:
                sources[job] = None
                continue
            try:
                source = open_source(job.source, pcm=self._request.pcm)
            except Speech3nError as error:
                self._fail(error)
                continue
            if isinstance(source, FileSource) and len(sources) >= _MOST_OPEN:
                source.release()
            sources[job] = source
        return sources

    def transcribe(self, engine: Engine, job: Job, source: AudioSource | None, options: SessionOptions) -> None:
        """Transcribe one input and save what comes of it; whatever is wrong with it is reported."""
        try:
            source = source or open_source(job.source, pcm=self._request.pcm)
            transcript = self._recognise(engine, job, source, options)
            self._save(job, transcript)
        except Speech3nError as error:
            self._fail(error)
        except Interrupted as interrupted:
            self._keep_partial(job, interrupted)
        else:
            if not transcript.segments:
                self._reporter.note(f"{job.source}: no speech found")
            elif options.language is None and transcript.language:
                self._reporter.note(f"{job.source}: {language_name(transcript.language)} (detected)")

    def _recognise(self, engine: Engine, job: Job, source: AudioSource, options: SessionOptions) -> Transcript:
        try:
            return transcribe_source(engine, source, options, self._reporter.file(source.name))
        finally:
            for warning in source.warnings:
                self._reporter.note(f"{job.source}: {warning}")

    def _keep_partial(self, job: Job, interrupted: Interrupted) -> None:
        """Save what was recognised of an input that broke off, beside what it would have been."""
        try:
            if interrupted.transcript.segments:
                partial = _unused(Job(job.source, job.stem.with_name(f"{job.stem.name}.partial")), self._formats)
                self._save(partial, interrupted.transcript)
                files = ", ".join(str(path) for path in partial.outputs(self._formats).values())
                # Sound after the last segment came in, too, and was not recognised yet.
                end_s = interrupted.transcript.segments[-1].end
                where = "shown" if self._is_shown else f"kept as {files}"
                self._reporter.note(f"{job.source}: What was recognised of its first {end_s:.0f} s is {where}.")
        except Speech3nError as error:
            self._fail(error)
        if isinstance(interrupted.cause, KeyboardInterrupt):
            raise KeyboardInterrupt from interrupted
        self._fail(interrupted.cause)

    def _save(self, job: Job, transcript: Transcript) -> None:
        if self._is_shown:
            self._reporter.show(render(transcript, _DEFAULT_FORMAT, self._layout))
            return
        paths = job.outputs(self._formats)
        # With --skip-existing some of them may be there, and corrected by hand.
        missing = [name for name, path in paths.items() if not (self._request.skip_existing and path.exists())]
        try:
            write_transcript(transcript, missing, job.stem, self._layout)
        except StorageError as error:
            # Recognising it anew may take hours.
            rescued = rescue_transcript(transcript, missing, job.stem.name, self._layout)
            hint = f"The transcript is in '{rescued[0].parent}' instead: move it from there."
            raise StorageError(error.message, hint) from error

    def _fail(self, error: BaseException) -> None:
        self.has_failed = True
        self._reporter.failure(error)


def _unused(job: Job, formats: tuple[str, ...]) -> Job:
    """The job itself, or one with a number behind its name where there are files of that name."""
    number, free = 1, job
    while any(path.exists() for path in free.outputs(formats).values()):
        number += 1
        free = Job(job.source, job.stem.with_name(f"{job.stem.name}-{number}"))
    return free
