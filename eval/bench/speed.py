"""What `speech3n bench` does: time Gemma 3n at its real sizes beside transformers, in floating point or in few bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speech3n.eval.bench.benchmark import Benchmark, BenchRequest, run_benchmark
from speech3n.eval.bench.gemma3n.tables import render
from speech3n.eval.bench.quantised.tables import render as render_quantised
from speech3n.eval.bench.store import ResultStore
from speech3n.runtime.extras import require

_PARTS = ("encoder", "prefill", "decode", "update", "exactness")
_QUANTISED_PARTS = (
    *("footprint", "footprint-e4b", "prefill", "decode", "encode", "encode_steps", "live"),
    *("busy-decode", "busy-live", "accuracy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedRequest(BenchRequest):
    """The command line of `speech3n bench`; with `recipes` weights are quantised, else plain at the given `shapes`.

    No shapes stand for all. `checkpoint` is the folder of random weights of E2B's shape, made where there is none, and
    the quantised ones beside it; `trained` that of a trained checkpoint with its clips, for the accuracy. `threads`
    None takes all cores.
    """

    shapes: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    dtype: str = "bf16"
    rounds: int = 3
    threads: int | None = None
    checkpoint: Path
    trained: Path


def run_speed(request: SpeedRequest) -> int:
    """Measure and print the tables; the exit code. Raises MissingExtraError, and what `run_benchmark` raises."""
    if request.measures:
        require("torch", "bench")
        require("transformers", "bench")
    if request.recipes:
        benchmark = _quantised(request)
        return run_benchmark(benchmark, replace(request, out=request.out / "quantised"))
    return run_benchmark(_plain(request), request)


def _plain(request: SpeedRequest) -> Benchmark:
    def measure(store: ResultStore, parts: Sequence[str]) -> None:
        from speech3n.eval.bench.gemma3n.parts import Plan, measure_parts

        measure_parts(store, parts, Plan(request.shapes, request.dtype, request.rounds, request.threads))

    return Benchmark(_PARTS, measure, lambda store: render(store.load()), "bench-gemma3n")


def _quantised(request: SpeedRequest) -> Benchmark:
    def measure(store: ResultStore, parts: Sequence[str]) -> None:
        from speech3n.eval.bench.quantised.parts import QuantisedPlan, measure_parts

        recipes = tuple(dict.fromkeys(request.recipes))
        measure_parts(store, parts, QuantisedPlan(recipes, request.rounds, request.checkpoint, request.trained))

    return Benchmark(_QUANTISED_PARTS, measure, lambda store: render_quantised(store.load()), "bench-quantised")
