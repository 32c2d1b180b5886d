"""What people see on stderr while files are transcribed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from speech3n.cli.streams import abandon_stdout, unwritable_stdout
from speech3n.errors import printable


class ConsoleReporter:
    """A progress bar and a line for whatever happens, on stderr; transcripts, where they are shown, on stdout."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._quiet = quiet
        self._done_s = 0.0
        self._failures = 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn("{task.percentage:>3.0f} %"),
            _SpeedColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    @contextmanager
    def begin(self, files: int, total_s: float | None) -> Iterator[None]:
        """Show a bar over `total_s` seconds of audio, then say how much was done, and how fast."""
        started = time.perf_counter()
        self._progress.reset(self._task, total=total_s or None)
        with self._progress:
            yield
        if files > 1:
            took = _duration(time.perf_counter() - started)
            failed = f", {self._failures} failed" if self._failures else ""
            done = files - min(self._failures, files)
            self.note(f"{done} of {files} transcribed{failed}: {_duration(self._done_s)} of audio in {took}.")

    def file(self, name: str) -> Callable[[float], None]:
        """Show the bar for one file; what is returned takes the seconds of it that are done."""
        before, name = self._done_s, printable(name)
        self._progress.update(self._task, description=name if len(name) <= 32 else f"{name[:31]}…")

        def advance(seconds: float) -> None:
            self._done_s = before + seconds
            self._progress.update(self._task, completed=self._done_s)

        return advance

    def note(self, text: str) -> None:
        """Say something that is not a failure."""
        if not self._quiet:
            self._console.print(printable(text), style="dim", markup=False)

    def failure(self, error: BaseException) -> None:
        """Say what failed, in one line."""
        self._failures += 1
        self._console.print(Text.assemble(("Failed: ", "bold red"), str(error)))

    def show(self, text: str) -> None:
        """Print a transcript; raises StorageError where stdout cannot be written."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise  # whoever read it has had enough
        except OSError as error:
            abandon_stdout()
            raise unwritable_stdout(error) from error


class _SpeedColumn(ProgressColumn):
    """The real-time factor so far."""

    def render(self, task: Task) -> Text:
        if not task.elapsed or not task.completed:
            return Text("")
        return Text(f"RTF {task.elapsed / task.completed:.2f}", style="cyan")


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
