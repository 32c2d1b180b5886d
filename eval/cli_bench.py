"""`speech3n bench`: how fast Gemma 3n runs here, beside transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from speech3n.eval.bench import options

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--shape", "shapes", type=click.Choice(["e2b", "e4b-depth"]), multiple=True, help="Only these sizes.")
@click.option(
    "--recipe",
    "recipes",
    type=click.Choice(["int4", "int8"]),
    multiple=True,
    help="Measure quantised weights instead, beside transformers in bfloat16: memory, speed, live captions, accuracy.",
)
@click.option("--dtype", type=click.Choice(["bf16", "fp32"]), default="bf16", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Timed rounds of each part.")
@click.option("--threads", type=click.IntRange(1), help="Threads to compute with.  [default: all cores]")
@click.option(
    "--checkpoint",
    type=_FOLDER,
    default=Path("bench-results/e2b-random"),
    show_default=True,
    help="With --recipe: random weights of E2B's shape, 10 GB, made where missing, and quantised beside it.",
)
@click.option(
    "--trained",
    type=_FOLDER,
    default=Path("tests/data/gemma3n-memorised"),
    show_default=True,
    help="With --recipe: a trained checkpoint and its clips, for the accuracy.",
)
@options.results("bench-results/gemma3n")
def bench(**values: Any) -> int:
    """Time Gemma 3n at its real sizes beside transformers.

    Random weights serve: speed does not depend on what they say. Wants 16 GB of memory (20 with --recipe), and an idle
    machine for figures that mean something; takes about half an hour on two cores.
    """
    from speech3n.eval.bench.speed import SpeedRequest, run_speed

    return run_speed(SpeedRequest(**values))
