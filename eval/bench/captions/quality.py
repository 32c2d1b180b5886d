"""Word errors, BLEU and delays: `speech3n eval run`, with what it is given for README's tables written down here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from speech3n.eval.bench.captions.live import GAP_S
from speech3n.eval.bench.evaluations import evaluate_into
from speech3n.eval.bench.store import ResultStore
from speech3n.eval.commands.evaluate import EvaluateRequest
from speech3n.eval.report.document import REPORT_JSON, load_report
from speech3n.eval.report.markdown import markdown_tables

EVALUATIONS: Mapping[str, EvaluateRequest] = {
    "files": EvaluateRequest(Path(), modes=("offline",)),
    "live": EvaluateRequest(Path(), modes=("streaming",), gap_s=GAP_S),
}
"""Files one by one, beside faster-whisper itself; and captions of all clips of a language joined into one recording."""


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


def evaluation_tables(store: ResultStore) -> str:
    """The tables of the evaluations that were run."""
    folders = [store.folder / name for name in EVALUATIONS if (store.folder / name / REPORT_JSON).is_file()]
    return "\n".join(markdown_tables(load_report(folder)) for folder in folders)
