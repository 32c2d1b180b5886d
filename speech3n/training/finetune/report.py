"""How fine-tuning is told: a bar on a terminal, a line for each look at what was held out, and a summary."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click

from speech3n.training.finetune.run import Look

Report = Callable[[int, float, Look | None], None]
"""Hears of each step: how many are done, its loss, and the look that followed it, if one did."""


@contextmanager
def watching(done: int, steps: int) -> Iterator[Report]:
    """Show steps as they are done, on stderr."""
    if not sys.stderr.isatty():
        yield lambda step, loss, look: click.echo(line_of(look, steps), err=True) if look else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as bar:
        task = bar.add_task("Fine-tuning", total=steps, completed=done)

        def report(step: int, loss: float, look: Look | None) -> None:
            bar.update(task, completed=step, description=f"Fine-tuning, loss {loss:.3f}")
            if look is not None:
                bar.console.print(line_of(look, steps), markup=False)

        yield report


def line_of(look: Look, steps: int) -> str:
    """A look in words."""
    others = "" if look.kept is None else f", on clips to keep {look.kept:.3f}"
    return f"step {look.step} of {steps}: loss on held-out clips {look.loss:.3f}{others}"


def compared(title: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Scores before and after in words: error rates in percent, BLEU in points."""
    parts = []
    for name in before:
        kind, _, language = name.partition("_")
        unit = " %" if kind == "wer" else ""
        parts.append(f"{kind.upper()} {language} {before[name]:.1f}{unit} → {after[name]:.1f}{unit}")
    return f"{title}: {', '.join(parts)}"


def worse(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """The languages of which more words are wrong than before."""
    return [name.removeprefix("wer_") for name in before if name.startswith("wer_") and after[name] > before[name]]
