"""What `python -m speech3n.eval.bench.nano` does: measure what nano is said to do, beside Whisper base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from speech3n.engines.registry import install_model, resolve_model
from speech3n.errors import UsageError
from speech3n.eval.bench.benchmark import Benchmark, BenchRequest, run_benchmark
from speech3n.eval.bench.evaluations import EvaluationError
from speech3n.eval.bench.nano.exactness import measure_exactness
from speech3n.eval.bench.nano.quality import SETS, SIZES, measure_quality, quality_reports
from speech3n.eval.bench.nano.speed import measure_speed, speed_systems
from speech3n.eval.bench.nano.tables import Measured, render
from speech3n.eval.bench.store import Record, ResultStore
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.load import load_clips
from speech3n.eval.systems.fingerprint import code_digest, weights_digest
from speech3n.runtime.threads import compute_threads

_PARTS = (*SETS, "exactness", "speed")
_FEW = 20
"""Clips of each language on which exactness and speed are measured, at most."""
_PAGES = (Path("README.md"), Path("speech3n/nano/README.md"))
"""Where the tables stand: the repository's page, and the model card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NanoRequest(BenchRequest):
    """Which nano is measured, on which of the SETS, with `limit` on so many clips of each language."""

    model: str = "nano"
    synthetic: Path | None = None
    real: Path | None = None
    limit: int | None = None


def run_nano(request: NanoRequest) -> int:
    """Measure and print the tables; the exit code.

    Raises UsageError for parts without clips, EvaluationError for parts that are of different weights, and what
    `run_benchmark` raises.
    """
    return run_benchmark(Benchmark(_PARTS, partial(_measure, request), _tables, "bench-nano", _PAGES), request)


def _tables(store: ResultStore) -> str:
    measured = Measured(quality_reports(store), store.load())
    if len(measured.weights) > 1:
        raise EvaluationError("The parts were measured on different weights.", "Measure all again, without --only.")
    return render(measured)


def _measure(request: NanoRequest, store: ResultStore, parts: Sequence[str]) -> None:
    install_model(resolve_model(request.model))
    runs: dict[str, Callable[[], None]] = {
        **{name: partial(_quality, name, store, request) for name in SETS},
        "exactness": lambda: _exactness(store, request),
        "speed": lambda: _speed(store, request),
    }
    for name in parts:
        runs[name]()


def _quality(name: str, store: ResultStore, request: NanoRequest) -> None:
    measure_quality(name, store, request.model, _clips(request, name), request.limit)


def _exactness(store: ResultStore, request: NanoRequest) -> None:
    clips = _few_clips(request)
    for size in SIZES:
        store.part(
            f"exactness-{size}", _settings(request, clips), partial(measure_exactness, request.model, size, clips)
        )


def _speed(store: ResultStore, request: NanoRequest) -> None:
    clips, systems = _few_clips(request), speed_systems(request.model)
    settings = _settings(request, clips) | {"threads": compute_threads()}
    store.part("speed", settings, partial(measure_speed, clips, systems))


def _clips(request: NanoRequest, name: str) -> Path:
    """Where the clips of a set are; raises UsageError."""
    path = {"synthetic": request.synthetic, "real": request.real}[name]
    if path is None:
        raise UsageError(f"There are no clips for '{name}'.", f"Give --{name}: {SETS[name].takes}.")
    return path


def _few_clips(request: NanoRequest) -> list[Clip]:
    return load_clips(_clips(request, "synthetic"), limit=min(request.limit or _FEW, _FEW))


def _settings(request: NanoRequest, clips: list[Clip]) -> Record:
    weights = weights_digest(resolve_model(request.model))
    return {"weights": weights, "code": code_digest("speech3n"), "clips": len(clips)}
