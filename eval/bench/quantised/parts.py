"""The parts of `speech3n bench --recipe`: transformers in bfloat16 and ours in few bits, on the same random weights.

Systems run in processes of their own and take turns, so that what else the machine does meets all of them alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speech3n.eval.bench.processes import busy_core
from speech3n.eval.bench.quantised.worker import Worker
from speech3n.eval.bench.store import ResultStore, progress

REFERENCE, OURS = "transformers", "speech3n"
_READ_AT_ONCE = 1 << 26

Numbers = dict[str, list[list[float]]]
"""For each system its rounds, and what each gave."""


@dataclass(frozen=True, slots=True)
class QuantisedPlan:
    """How to measure: by which recipes, and the rounds of each part.

    `plain` is the folder of the random bfloat16 checkpoint, made where there is none, and the quantised ones beside it;
    `trained` that of a trained one, for the accuracy.
    """

    recipes: tuple[str, ...]
    rounds: int
    plain: Path
    trained: Path


def measure_parts(store: ResultStore, parts: Sequence[str], plan: QuantisedPlan) -> None:
    """Run those of the parts that the store has no results of."""
    from speech3n.eval.bench.quantised.accuracy import measure_accuracy
    from speech3n.models.gemma3n.quantisation import RECIPES
    from speech3n.runtime.threads import model_threads

    settings = {
        "recipes": list(plan.recipes),
        "group": RECIPES["int4"].group,
        "threads": model_threads(),
        "rounds": plan.rounds,
    }
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}

        def open_workers() -> Mapping[str, Worker]:
            if not workers:
                for name, folder in checkpoints(plan).items():
                    progress(f"loading {name}")
                    workers[name] = stack.enter_context(Worker(_kind(name), folder))
            return workers

        def run(part: str) -> Any:
            if part == "footprint":
                return {name: footprint(_kind(name), folder) for name, folder in checkpoints(plan).items()}
            if part == "footprint-e4b":
                return {recipe: footprint(OURS, e4b_checkpoint(plan, recipe)) for recipe in plan.recipes}
            if part == "accuracy":
                return measure_accuracy(plan.trained, plan.recipes)
            what, rounds = part.removeprefix("busy-"), _rounds(part, plan.rounds)
            with _machine(part):
                return in_turns(open_workers(), what, rounds)

        for part in parts:
            store.part(part, settings, lambda part=part: run(part))  # type: ignore[misc]


def in_turns(workers: Mapping[str, Worker], what: str, rounds: int) -> Numbers:
    """Have each worker do it in each round; the first round counts only where it is the only one."""
    numbers: Numbers = {name: [] for name in workers}
    for number in range(rounds + (rounds > 1)):
        for name, worker in workers.items():
            found = worker.ask(what)
            if found and (number or rounds == 1):
                numbers[name].append(found)
    return numbers


def footprint(kind: str, folder: Path) -> dict[str, float]:
    """Memory and loading time of one system, its checkpoint in the page cache, everything used once.

    Megabytes (10^6 bytes) are the peak of its process above that of a bare `import torch`.
    """
    _read_through(folder)
    with Worker(kind, folder) as worker:
        for what in ("encode", "decode", "live"):
            worker.ask(what)
        (peak_mb,) = worker.ask("peak")
        return {"first_token_s": worker.first_token_s, "peak_mb": peak_mb}


def checkpoints(plan: QuantisedPlan) -> dict[str, Path]:
    """The folder of each system, made where it is missing: transformers' first."""
    from speech3n.eval.bench.gemma3n.pair import SHAPES
    from speech3n.eval.bench.gemma3n.random_checkpoint import write_random
    from speech3n.models.gemma3n.quantisation import RECIPES
    from speech3n.models.gemma3n.quantise import quantise_checkpoint

    if not plan.plain.exists():
        progress(f"writing random weights to {plan.plain}")
        shape = replace(SHAPES["e2b"], per_layer_vocabulary=262_144)
        write_random(shape.config(), plan.plain)
    folders = {REFERENCE: plan.plain}
    for recipe in plan.recipes:
        folder = folders[recipe] = plan.plain.with_name(f"{plan.plain.name}-{recipe}")
        if not folder.exists():
            progress(f"quantising to {folder}")
            quantise_checkpoint(plan.plain, RECIPES[recipe], folder)
    return folders


def e4b_checkpoint(plan: QuantisedPlan, recipe: str) -> Path:
    """The folder of E4B's shape by a recipe, made where it is missing, beside the others."""
    from speech3n.eval.bench.gemma3n.pair import E4B
    from speech3n.eval.bench.gemma3n.random_quantised import write_random_quantised
    from speech3n.models.gemma3n.quantisation import RECIPES

    folder = plan.plain.with_name(f"e4b-random-{recipe}")
    if not folder.exists():
        progress(f"writing random numbers to {folder}")
        write_random_quantised(E4B.config(), RECIPES[recipe], folder)
    return folder


def _kind(name: str) -> str:
    return name if name == REFERENCE else OURS


def _rounds(part: str, rounds: int) -> int:
    """A stream is long, and has many updates in it."""
    return 1 if part.endswith("live") else rounds


@contextmanager
def _machine(part: str) -> Iterator[None]:
    if not part.startswith("busy-"):
        yield
        return
    with busy_core():
        yield


def _read_through(folder: Path) -> None:
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while file.read(_READ_AT_ONCE):
                pass
