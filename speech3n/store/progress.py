"""How a download is shown: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """What is told about a pull while it runs."""

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        ...

    def stage(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a stage of `total` bytes; the function it gives takes the bytes done so far."""
        ...


class SilentProgress:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Ignore what is told."""

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Ignore a stage."""
        yield lambda done: None


class PlainProgress:
    """Writes a line when a stage begins and one when it ends, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        """Write a line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Write the title and the size, then how long it took."""
        began = time.monotonic()
        self.say(f"{title} ({total / 1e6:.1f} MB) ...")
        yield lambda done: None
        self.say(f"{title}: done in {time.monotonic() - began:.0f} s")


class BarProgress:
    """Draws a bar with bytes, speed and remaining time on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Write a line."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Draw a bar until the stage ends."""
        from rich import progress
        from rich.table import Column

        # In 80 columns the bar gives way: a figure in two lines would jump.
        whole = Column(no_wrap=True)
        columns = (
            progress.TextColumn("{task.description}", table_column=whole),
            progress.BarColumn(bar_width=None, table_column=Column(ratio=1)),
            progress.DownloadColumn(table_column=whole),
            progress.TransferSpeedColumn(table_column=whole),
            progress.TimeRemainingColumn(elapsed_when_finished=True, table_column=whole),
        )
        with progress.Progress(*columns, console=self._console) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)


def terminal_progress() -> Progress:
    """A bar where stderr is a terminal, plain lines where it is not."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress(sys.stderr)
