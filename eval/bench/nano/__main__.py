"""`python -m speech3n.eval.bench.nano`: measure what nano is said to do, part by part, and write the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from speech3n.engines.registry import install_model, resolve_model
from speech3n.errors import UsageError
from speech3n.eval.bench.evaluations import EvaluationError
from speech3n.eval.bench.nano.exactness import measure_exactness
from speech3n.eval.bench.nano.quality import SETS, SIZES, measure_quality, quality_reports
from speech3n.eval.bench.nano.speed import measure_speed, speed_systems
from speech3n.eval.bench.nano.tables import Measured, render
from speech3n.eval.bench.program import program
from speech3n.eval.bench.readme import replace_block
from speech3n.eval.bench.store import Record, ResultStore
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.load import load_clips
from speech3n.eval.systems.fingerprint import code_digest, weights_digest
from speech3n.runtime.threads import compute_threads

_PARTS = (*SETS, "exactness", "speed")
_FEW = 20
"""Clips of each language on which exactness and speed are measured, at most."""
_FOLDER = click.Path(path_type=Path, file_okay=False)
_PLACES = (Path("README.md"), Path("speech3n/nano/README.md"))
"""Where the tables stand: the repository's page, and the model card."""


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of the command line, as `main` declares them."""

    model: str
    synthetic: Path | None
    real: Path | None
    out: Path
    only: tuple[str, ...]
    limit: int | None
    fresh: bool
    table: bool
    update_readme: bool


@click.command()
@click.option("--model", default="nano", show_default=True, help="nano, or a folder with a checkpoint of it.")
@click.option(
    "--synthetic", type=click.Path(path_type=Path), help="Speech held out of training; what speed takes, too."
)
@click.option("--real", type=click.Path(path_type=Path), help="Real speech.")
@click.option("--out", type=_FOLDER, default=Path("bench-results/nano"), show_default=True, help="Results.")
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="Only these parts.")
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@click.option("--fresh", is_flag=True, help="Run again what is done.")
@click.option("--table", is_flag=True, help="Run nothing; print the tables of the results.")
@click.option("--update-readme", is_flag=True, help="Run nothing; put the tables into README.md and the model card.")
def main(**options: Any) -> None:
    """Measure nano beside Whisper base: error rates, BLEU, whether streaming equals offline, speed.

    What was recognised stays in the cache of `speech3n eval run`, and what was interrupted goes on where it was. Speed
    wants a machine that does nothing else.
    """
    with program():
        _run(_Options(**options))


def _run(options: _Options) -> None:
    store = ResultStore(options.out, options.fresh)
    if not (options.table or options.update_readme):
        _measure(store, options)
    measured = Measured(quality_reports(store), store.load())
    if len(measured.weights) > 1:
        raise EvaluationError("The parts were measured on different weights.", "Measure all again, without --only.")
    tables = render(measured)
    if not options.update_readme:
        click.echo(tables)
        return
    for path in _PLACES:
        replace_block(path, tables, "bench-nano")


def _measure(store: ResultStore, options: _Options) -> None:
    install_model(resolve_model(options.model))
    parts: dict[str, Callable[[], None]] = {
        **{name: partial(_quality, name, store, options) for name in SETS},
        "exactness": lambda: _exactness(store, options),
        "speed": lambda: _speed(store, options),
    }
    for name in options.only or _PARTS:
        parts[name]()


def _quality(name: str, store: ResultStore, options: _Options) -> None:
    measure_quality(name, store, options.model, _clips(options, name), options.limit)


def _exactness(store: ResultStore, options: _Options) -> None:
    clips = _few_clips(options)
    for size in SIZES:
        store.part(
            f"exactness-{size}", _settings(options, clips), partial(measure_exactness, options.model, size, clips)
        )


def _speed(store: ResultStore, options: _Options) -> None:
    clips, systems = _few_clips(options), speed_systems(options.model)
    settings = _settings(options, clips) | {"threads": compute_threads()}
    store.part("speed", settings, partial(measure_speed, clips, systems))


def _clips(options: _Options, name: str) -> Path:
    """Where the clips of a set are; raises UsageError."""
    path = {"synthetic": options.synthetic, "real": options.real}[name]
    if path is None:
        raise UsageError(f"There are no clips for '{name}'.", f"Give --{name}: {SETS[name].takes}.")
    return path


def _few_clips(options: _Options) -> list[Clip]:
    return load_clips(_clips(options, "synthetic"), limit=min(options.limit or _FEW, _FEW))


def _settings(options: _Options, clips: list[Clip]) -> Record:
    weights = weights_digest(resolve_model(options.model))
    return {"weights": weights, "code": code_digest("speech3n"), "clips": len(clips)}


if __name__ == "__main__":
    main()
