"""What `python -m speech3n.eval.bench` does: measure what README claims, beside faster-whisper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from speech3n.errors import UsageError
from speech3n.eval.bench.benchmark import Benchmark, BenchRequest, run_benchmark
from speech3n.eval.bench.captions.endurance import run_memory, run_silence
from speech3n.eval.bench.captions.live import run_agreement, run_busy
from speech3n.eval.bench.captions.quality import EVALUATIONS, evaluation_tables, run_evaluation
from speech3n.eval.bench.captions.tables import render
from speech3n.eval.bench.store import ResultStore
from speech3n.eval.sets.manifest import load_manifest
from speech3n.store import DEFAULT_MODEL

_PARTS = (*EVALUATIONS, "busy", "agreement", "silence", "memory")
SHORT_FORM = "speech3n/examples/examples.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionsRequest(BenchRequest):
    """The manifest whose clips are recognised, with `limit` so many of each language, and by which model.

    `silence_minutes` is how long each sound without speech is, `memory_minutes` the session whose memory is measured.
    """

    clips: Path | None
    model: str = DEFAULT_MODEL
    limit: int | None = None
    silence_minutes: float = 10.0
    memory_minutes: float = 60.0


def run_captions(request: CaptionsRequest) -> int:
    """Measure and print the tables; the exit code. Raises UsageError without clips, and what `run_benchmark` raises."""
    return run_benchmark(Benchmark(_PARTS, partial(_measure, request), _tables, "bench"), request)


def _tables(store: ResultStore) -> str:
    return "\n".join(part for part in (evaluation_tables(store), render(store.load())) if part)


def _measure(request: CaptionsRequest, store: ResultStore, parts: Sequence[str]) -> None:
    manifest, model = request.clips, request.model
    if manifest is None:
        raise UsageError("There are no clips to measure on.", f"Name a manifest, or {SHORT_FORM} for a short form.")
    clips = load_manifest(manifest, limit=request.limit)
    runs: dict[str, Callable[[], None]] = {
        **{name: partial(run_evaluation, name, store, manifest, model, request.limit) for name in EVALUATIONS},
        "busy": lambda: run_busy(store, clips, model),
        "agreement": lambda: run_agreement(store, clips, model),
        "silence": lambda: run_silence(store, model, request.silence_minutes),
        "memory": lambda: run_memory(store, clips, model, request.memory_minutes),
    }
    for name in parts:
        runs[name]()
