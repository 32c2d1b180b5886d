"""`python -m speech3n.eval.bench`: measure what README.md claims, part by part, and write the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from speech3n.errors import UsageError
from speech3n.eval.bench.captions.endurance import run_memory, run_silence
from speech3n.eval.bench.captions.live import run_agreement, run_busy
from speech3n.eval.bench.captions.tables import render
from speech3n.eval.bench.evaluations import EVALUATIONS, evaluation_tables, run_evaluation
from speech3n.eval.bench.program import program
from speech3n.eval.bench.readme import replace_block
from speech3n.eval.bench.store import ResultStore
from speech3n.eval.sets.manifest import load_manifest
from speech3n.store import DEFAULT_MODEL

_PARTS = (*EVALUATIONS, "busy", "agreement", "silence", "memory")
SHORT_FORM = "speech3n/examples/examples.jsonl"
_FOLDER = click.Path(path_type=Path, file_okay=False)


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of the command line, as `main` declares them."""

    clips: Path | None
    out: Path
    only: tuple[str, ...]
    model: str
    limit: int | None
    silence_minutes: float
    memory_minutes: float
    fresh: bool
    table: bool
    update_readme: bool


@click.command()
@click.argument("clips", metavar="CLIPS", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=_FOLDER, default=Path("bench-results"), show_default=True, help="Results.")
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="Only these parts.")
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@click.option("--silence-minutes", type=float, default=10.0, show_default=True)
@click.option("--memory-minutes", type=float, default=60.0, show_default=True)
@click.option("--fresh", is_flag=True, help="Run again what is done.")
@click.option("--table", is_flag=True, help="Run nothing; print the tables of the results.")
@click.option("--update-readme", is_flag=True, help="Run nothing; put the tables into README.md.")
def main(**options: Any) -> None:
    """Measure speech3n beside faster-whisper on the manifest CLIPS; finished parts are kept and not run again."""
    with program():
        _run(_Options(**options))


def _run(options: _Options) -> None:
    store = ResultStore(options.out, options.fresh)
    if not (options.table or options.update_readme):
        _measure(store, options)
    tables = "\n".join(part for part in (evaluation_tables(store), render(store.load())) if part)
    if options.update_readme:
        replace_block(Path("README.md"), tables)
    else:
        click.echo(tables)


def _measure(store: ResultStore, options: _Options) -> None:
    if options.clips is None:
        raise UsageError("There are no clips to measure on.", f"Name a manifest, or {SHORT_FORM} for a short form.")
    manifest = options.clips
    clips = load_manifest(manifest, limit=options.limit)
    parts: dict[str, Callable[[], None]] = {
        **{name: partial(run_evaluation, name, store, manifest, options.model, options.limit) for name in EVALUATIONS},
        "busy": lambda: run_busy(store, clips, options.model),
        "agreement": lambda: run_agreement(store, clips, options.model),
        "silence": lambda: run_silence(store, options.model, options.silence_minutes),
        "memory": lambda: run_memory(store, clips, options.model, options.memory_minutes),
    }
    for name in options.only or _PARTS:
        parts[name]()


if __name__ == "__main__":
    main()
