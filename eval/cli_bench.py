"""`speech3n bench`: how fast Gemma 3n runs here, beside transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_SHAPES = ("e2b", "e4b-depth")
_PARTS = ("encoder", "prefill", "decode", "update", "exactness")


@click.command()
@click.option("--shape", "shapes", type=click.Choice(_SHAPES), multiple=True, help="Only these sizes.")
@click.option("--only", "parts", type=click.Choice(_PARTS), multiple=True, help="Only these parts.")
@click.option("--dtype", type=click.Choice(["bf16", "fp32"]), default="bf16", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Timed rounds of each part.")
@click.option("--threads", type=click.IntRange(1), help="Threads to compute with.  [default: all cores]")
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
def bench(out: Path, *, fresh: bool, table: bool, update_readme: bool, **plan: Any) -> None:
    """Time Gemma 3n at its real sizes beside transformers.

    Random weights serve: speed does not depend on what they say. Wants 16 GB of memory, and an idle machine for
    figures that mean something; takes about half an hour on two cores.
    """
    from eval.bench.gemma3n_tables import render
    from eval.bench.readme import replace_block
    from eval.bench.store import ResultStore

    store = ResultStore(out, fresh)
    if not (table or update_readme):
        from eval.bench.gemma3n import Plan, measure

        measure(store, Plan(**plan))
    text = render(store.load())
    if update_readme:
        replace_block(Path("README.md"), text, "bench-gemma3n")
    else:
        click.echo(text)
