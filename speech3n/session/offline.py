"""What `speech3n transcribe` does with its inputs: one after the other, none stopping the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from speech3n.audio.source import FileSource
from speech3n.engines.base import Engine
from speech3n.engines.registry import install_model, open_engine, resolve_model
from speech3n.errors import Speech3nError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import parse_formats, render, write_transcript
from speech3n.languages import language_name, parse_language, parse_target_language
from speech3n.session.jobs import Interrupted, Job, find_jobs, transcribe_source
from speech3n.session.options import SessionOptions, file_options
from speech3n.types import Transcript

_DEFAULT_FORMAT = "txt"


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """The command line of `transcribe`."""

    inputs: tuple[str, ...]
    model: str
    size: str | None
    language: str | None
    translate: bool
    to: str
    formats: str | None
    subtitles: str | None
    output_dir: Path | None
    skip_existing: bool
    quiet: bool


def run(request: TranscribeRequest) -> int:
    """Transcribe all inputs; the exit code is 0, or 1 where some failed. Raises UsageError before any work is done."""
    formats = parse_formats(request.formats or _DEFAULT_FORMAT)
    layout = SubtitleOptions(content=request.subtitles or ("both" if request.translate else "source"))
    target = parse_target_language(request.to)
    jobs = find_jobs(request.inputs, request.output_dir)
    prints = len(jobs) == 1 and request.output_dir is None and request.formats is None
    if request.skip_existing and not prints:
        jobs = [job for job in jobs if not all(path.exists() for path in _targets(job, formats))]
    report = _Report(quiet=request.quiet)
    if not jobs:
        report.note("Nothing to do: every transcript is there already.")
        return 0
    jobs, sources = _readable(jobs, report)
    if not jobs:
        return 1
    model = resolve_model(request.model, request.size)
    install_model(model)
    with closing(open_engine(model)) as engine:
        language = parse_language(request.language, engine.info.languages)
        if request.translate:
            engine.info.require_translation(target)
        options = file_options(language, translate=request.translate, target_language=target)

        def save(job: Job, transcript: Transcript) -> None:
            if prints:
                sys.stdout.write(render(transcript, _DEFAULT_FORMAT, layout))
                sys.stdout.flush()
            else:
                write_transcript(transcript, formats, job.stem, layout)

        with report.progress(sum(sources)):
            for job in jobs:
                _transcribe(engine, job, options, save, report)
    report.summary(len(jobs))
    return 1 if report.failures else 0


def _targets(job: Job, formats: tuple[str, ...]) -> list[Path]:
    return [job.stem.with_name(f"{job.stem.name}.{format_}") for format_ in formats]


def _readable(jobs: list[Job], report: _Report) -> tuple[list[Job], list[float]]:
    """The jobs whose inputs can be opened, and their durations (0 where unknown); the others are reported."""
    readable: list[Job] = []
    durations: list[float] = []
    for job in jobs:
        try:
            with closing(FileSource(job.path)) as source:
                durations.append(source.duration_s or 0.0)
        except Speech3nError as error:
            report.failure(error)
        else:
            readable.append(job)
    return readable, durations


def _transcribe(
    engine: Engine,
    job: Job,
    options: SessionOptions,
    save: Callable[[Job, Transcript], None],
    report: _Report,
) -> None:
    try:
        source = FileSource(job.path)
        with report.file(job.path.name) as advance:
            transcript = transcribe_source(engine, source, options, advance)
        for warning in source.warnings:
            report.note(f"{job.path}: {warning}")
        save(job, transcript)
    except Interrupted as interrupted:
        partial = Job(job.path, job.stem.with_name(f"{job.stem.name}.partial"))
        if interrupted.transcript.segments:
            save(partial, interrupted.transcript)
            heard = f"What was recognised of its first {interrupted.transcript.duration_s:.0f} s is kept"
            report.note(f"{job.path}: {heard} as '{partial.stem.name}'.")
        if isinstance(interrupted.cause, KeyboardInterrupt):
            raise KeyboardInterrupt from interrupted
        report.failure(interrupted.cause)
    except Speech3nError as error:
        report.failure(error)
    else:
        if not transcript.segments:
            report.note(f"{job.path}: no speech found")
        elif options.language is None and transcript.language:
            report.note(f"{job.path}: {language_name(transcript.language)} (detected)")


class _Report:
    """What people see on stderr while files are transcribed, and the count of failures."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._quiet = quiet
        self._started = time.perf_counter()
        self._heard_s = 0.0
        self._progress = Progress(
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            _SpeedColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self.failures = 0

    @contextmanager
    def progress(self, total_s: float) -> Iterator[None]:
        """Show a bar over `total_s` seconds of audio."""
        self._started = time.perf_counter()
        self._task = self._progress.add_task("", total=total_s or None)
        with self._progress:
            yield

    @contextmanager
    def file(self, name: str) -> Iterator[Callable[[float], None]]:
        """Show the bar for one file; what is yielded takes the seconds of it heard so far."""
        before = self._heard_s
        self._progress.update(self._task, description=name if len(name) <= 32 else f"{name[:31]}…")

        def advance(heard_s: float) -> None:
            self._heard_s = before + heard_s
            self._progress.update(self._task, completed=self._heard_s)

        yield advance

    def note(self, text: str) -> None:
        """Say something that is not a failure."""
        if not self._quiet:
            self._console.print(text, style="dim", markup=False)

    def failure(self, error: BaseException) -> None:
        """Say what failed, in one line."""
        self.failures += 1
        self._console.print(Text.assemble(("Failed: ", "bold red"), str(error)))

    def summary(self, files: int) -> None:
        """Say how much was done, and how fast."""
        took_s = time.perf_counter() - self._started
        done = files - min(self.failures, files)
        if files > 1 or self.failures:
            failed = f", {self.failures} failed" if self.failures else ""
            self.note(
                f"{done} of {files} transcribed{failed}: {_duration(self._heard_s)} of audio in {_duration(took_s)}."
            )


class _SpeedColumn(ProgressColumn):
    """Audio seconds a second, the inverse of the real-time factor."""

    def render(self, task: Task) -> Text:
        if not task.elapsed or not task.completed:
            return Text("")
        return Text(f"RTF {task.elapsed / task.completed:.2f}", style="cyan")


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
