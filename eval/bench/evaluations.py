"""The evaluations behind README's tables: `speech3n eval run`, with what they are given written down here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from speech3n.errors import Speech3nError
from speech3n.eval.bench.store import ResultStore, progress
from speech3n.eval.commands.evaluate import EvaluateRequest, evaluate_set
from speech3n.eval.report.document import REPORT_JSON, load_report
from speech3n.eval.report.markdown import markdown_tables

_GAP_S = 0.8
"""Silence between two clips: about the pause between two sentences of a speaker."""

EVALUATIONS: Mapping[str, EvaluateRequest] = {
    "files": EvaluateRequest(Path(), modes=("offline",)),
    "live": EvaluateRequest(Path(), modes=("streaming",), gap_s=_GAP_S),
}
"""Files one by one, beside faster-whisper itself; and captions of all clips of a language joined into one recording."""


class EvaluationError(Speech3nError):
    """An evaluation in which something failed."""


def run_evaluation(name: str, store: ResultStore, manifest: Path, model: str, limit: int | None) -> None:
    """Run one of the EVALUATIONS on a manifest; its results and its report stay in the store's folder.

    Raises EvaluationError where anything failed, and what `eval run` raises.
    """
    request = replace(
        EVALUATIONS[name],
        manifest=manifest,
        models=(model,),
        baselines=(model,) if name == "files" else (),
        limit=limit,
        cache=store.folder / "cache",
    )
    evaluate_into(name, store, request)


def evaluate_into(name: str, store: ResultStore, request: EvaluateRequest) -> None:
    """Run an evaluation whose report stays in the store's folder under `name`; raises as `run_evaluation`."""
    progress(f"{name}: running")
    if evaluate_set(replace(request, fresh=store.fresh, report=store.folder / name)) != 0:
        raise EvaluationError(f"The evaluation '{name}' is not complete.", "Run it again: what is done is kept.")


def evaluation_tables(store: ResultStore) -> str:
    """The tables of the evaluations that were run."""
    folders = [store.folder / name for name in EVALUATIONS if (store.folder / name / REPORT_JSON).is_file()]
    return "\n".join(markdown_tables(load_report(folder)) for folder in folders)
