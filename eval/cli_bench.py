"""`speech3n bench`: how fast Gemma 3n runs here, beside transformers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

_SHAPES = ("e2b", "e4b-depth")
_PARTS = ("encoder", "prefill", "decode", "update", "exactness")
_RECIPES = ("int4", "int8")
_README = Path("README.md")


@dataclass(frozen=True, slots=True)
class _Options:
    """The command line."""

    shapes: tuple[str, ...]
    parts: tuple[str, ...]
    recipes: tuple[str, ...]
    dtype: str
    rounds: int
    threads: int | None
    checkpoint: Path
    trained: Path
    out: Path
    fresh: bool
    table: bool
    update_readme: bool


@click.command()
@click.option("--shape", "shapes", type=click.Choice(_SHAPES), multiple=True, help="Only these sizes.")
@click.option("--only", "parts", multiple=True, help="Only these parts; a wrong name lists them.")
@click.option(
    "--recipe",
    "recipes",
    type=click.Choice(_RECIPES),
    multiple=True,
    help="Measure quantised weights instead, beside transformers in bfloat16: memory, speed, live captions, accuracy.",
)
@click.option("--dtype", type=click.Choice(["bf16", "fp32"]), default="bf16", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Timed rounds of each part.")
@click.option("--threads", type=click.IntRange(1), help="Threads to compute with.  [default: all cores]")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench-results/e2b-random"),
    show_default=True,
    help="With --recipe: random weights of E2B's shape, 10 GB, made where missing, and quantised beside it.",
)
@click.option(
    "--trained",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tests/data/gemma3n-memorised"),
    show_default=True,
    help="With --recipe: a trained checkpoint and its clips, for the accuracy.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench-results/gemma3n"),
    show_default=True,
    help="Results; what is there is not run again.",
)
@click.option("--fresh", is_flag=True, help="Run again what is done.")
@click.option("--table", is_flag=True, help="Run nothing; print the table of the results.")
@click.option("--update-readme", is_flag=True, help="Run nothing; put the table into README.md.")
def bench(**options: object) -> None:
    """Time Gemma 3n at its real sizes beside transformers.

    Random weights serve: speed does not depend on what they say. Wants 16 GB of memory (20 with --recipe), and an idle
    machine for figures that mean something; takes about half an hour on two cores.
    """
    chosen = _Options(**options)  # type: ignore[arg-type]
    if not (chosen.table or chosen.update_readme):
        from speech3n.runtime.extras import require

        require("torch", "bench")
        require("transformers", "bench")
    if chosen.recipes:
        _quantised(chosen)
    else:
        _plain(chosen)


def _plain(options: _Options) -> None:
    from speech3n.eval.bench.gemma3n.tables import render
    from speech3n.eval.bench.store import ResultStore

    _check_parts(options.parts, _PARTS)
    store = ResultStore(options.out, options.fresh)
    if not (options.table or options.update_readme):
        from speech3n.eval.bench.gemma3n.parts import Plan, measure

        measure(store, Plan(options.shapes, options.parts, options.dtype, options.rounds, options.threads))
    _show(render(store.load()), "bench-gemma3n", options)


def _quantised(options: _Options) -> None:
    from speech3n.eval.bench.quantised.parts import PARTS, QuantisedPlan, measure_quantised
    from speech3n.eval.bench.quantised.tables import render
    from speech3n.eval.bench.store import ResultStore

    _check_parts(options.parts, PARTS)
    store = ResultStore(options.out / "quantised", options.fresh)
    if not (options.table or options.update_readme):
        recipes = tuple(dict.fromkeys(options.recipes))
        plan = QuantisedPlan(recipes, options.parts, options.rounds, options.checkpoint, options.trained)
        measure_quantised(store, plan)
    _show(render(store.load()), "bench-quantised", options)


def _check_parts(parts: tuple[str, ...], known: tuple[str, ...]) -> None:
    for part in parts:
        if part not in known:
            raise click.BadParameter(f"'{part}' is not one of {', '.join(known)}.", param_hint="--only")


def _show(text: str, block: str, options: _Options) -> None:
    from speech3n.eval.bench.readme import replace_block

    if options.update_readme:
        replace_block(_README, text, block)
    else:
        click.echo(text)
