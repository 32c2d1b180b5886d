"""Error rates and BLEU of nano, whole and half, as files and as captions, beside faster-whisper itself.

Each clip stands alone, so that what captions end with can be held against the text of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from speech3n.eval.bench.evaluations import evaluate_into
from speech3n.eval.bench.store import ResultStore
from speech3n.eval.commands.evaluate import WHOLE, EvaluateRequest
from speech3n.eval.report.document import REPORT_JSON, Report, load_report
from speech3n.eval.sets.audio_files import cache_folder

BASELINE = "whisper-base"
SIZES = (WHOLE, "half")


@dataclass(frozen=True, slots=True)
class ClipSet:
    """A set of clips: what README calls it, and what may be given as such."""

    title: str
    takes: str


SETS: Mapping[str, ClipSet] = {
    "synthetic": ClipSet("Synthetic speech, voices and sentences held out of training", "a folder of held-out shards"),
    "real": ClipSet("Real speech", "a manifest or a public set"),
}


def measure_quality(name: str, store: ResultStore, model: str, clips: Path, limit: int | None) -> None:
    """Evaluate one of the SETS; raises EvaluationError where anything failed, and what `eval run` raises."""
    request = EvaluateRequest(
        clips,
        models=(model,),
        sizes=SIZES,
        modes=("offline", "streaming"),
        baselines=(BASELINE,),
        limit=limit,
        cache=cache_folder(),
    )
    evaluate_into(name, store, request)


def quality_reports(store: ResultStore) -> dict[str, Report]:
    """The reports of the sets that were evaluated."""
    return {name: load_report(store.folder / name) for name in SETS if (store.folder / name / REPORT_JSON).is_file()}
