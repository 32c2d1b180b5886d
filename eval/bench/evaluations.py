"""Evaluations as parts of a benchmark: their reports stay with its results."""

from __future__ import annotations

from dataclasses import replace

from speech3n.errors import Speech3nError
from speech3n.eval.bench.store import ResultStore, progress
from speech3n.eval.commands.evaluate import EvaluateRequest, evaluate_set


class EvaluationError(Speech3nError):
    """An evaluation in which something failed."""


def evaluate_into(name: str, store: ResultStore, request: EvaluateRequest) -> None:
    """Run an evaluation whose report stays in the store's folder under `name`; raises EvaluationError
    where anything failed, and what `evaluate_set` raises."""
    progress(f"{name}: running")
    if evaluate_set(replace(request, fresh=store.fresh, report=store.folder / name)) != 0:
        raise EvaluationError(f"The evaluation '{name}' is not complete.", "Run it again: what is done is kept.")
