"""How fine-tuning is told: a bar on a terminal, a line for each evaluation, and a summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from speech3n.training.finetune.run import EvaluationPoint, Report


@contextmanager
def watching(done: int, steps: int) -> Iterator[Report]:
    """Show steps as they are done, on stderr."""
    if not sys.stderr.isatty():
        yield lambda step, loss, point: click.echo(line_of(point, steps), err=True) if point else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as bar:
        task = bar.add_task("Fine-tuning", total=steps, completed=done)

        def report(step: int, loss: float, point: EvaluationPoint | None) -> None:
            bar.update(task, completed=step, description=f"Fine-tuning, loss {loss:.3f}")
            if point is not None:
                bar.console.print(line_of(point, steps), markup=False)

        yield report


def line_of(point: EvaluationPoint, steps: int) -> str:
    """An evaluation in words."""
    others = "" if point.kept is None else f", on clips to keep {point.kept:.3f}"
    return f"step {point.step} of {steps}: loss on held-out clips {point.loss:.3f}{others}"


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
