"""What a person sees of an evaluation in the terminal: how far it is, and the scores at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from speech3n.eval.run.evaluation import Outcome
from speech3n.eval.run.plan import Plan

_EVERY_S = 30.0
"""Where nobody sees a bar, a line so often."""
_NAMED_FAILURES = 10


class Watcher:
    """Shows how far an evaluation is: a bar on a terminal, a line now and then elsewhere; failures always."""

    def __init__(self, progress: Progress, plan: Plan) -> None:
        self._progress = progress
        self._bar = progress.add_task("Recognising", total=plan.audio_s)
        self._plan = plan
        self._outcomes = 0
        self._failed = 0
        self._done_s = 0.0
        self._said_at = time.monotonic()

    def outcome(self, outcome: Outcome) -> None:
        """Take note of an outcome."""
        self._outcomes += 1
        self._done_s += outcome.task.recording.duration_s
        self._progress.update(self._bar, description=outcome.rendered.audio.stem[:32])
        if outcome.error is not None:
            self._failed += 1
            if self._failed <= _NAMED_FAILURES:
                self._progress.console.print(f"{outcome.task.system.name}: {outcome.error}", markup=False)
        self.progress(0.0)

    def progress(self, seconds: float) -> None:
        """Take note of how many seconds of what is going on are done."""
        done_s = self._done_s + seconds
        self._progress.update(self._bar, completed=done_s)
        if not self._progress.console.is_terminal and time.monotonic() - self._said_at >= _EVERY_S:
            self._said_at = time.monotonic()
            print(
                f"{done_s / 60:.1f} of {self._plan.audio_s / 60:.1f} min of audio, "
                f"{self._outcomes} of {self._plan.size} results, {self._failed} failed",
                file=sys.stderr,
                flush=True,
            )


class _Minutes(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / 60:.1f} of {(task.total or 0.0) / 60:.1f} min")


@contextmanager
def watching(plan: Plan) -> Iterator[Watcher]:
    """A Watcher for a plan, on stderr."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Minutes(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield Watcher(progress, plan)
