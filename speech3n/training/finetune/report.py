"""How fine-tuning is told: to whom, and what is said of an evaluation and at the end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from speech3n.training.finetune.run import EvaluationPoint, Report


class Reporter(Protocol):
    """Who is told how it goes: the command line, a program."""

    def note(self, text: str) -> None:
        """Something to know, on one line."""
        ...

    def steps(self, done: int, total: int) -> AbstractContextManager[Report]:
        """Work goes on after so many steps; what is entered is told of each one."""
        ...


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
