"""`python -m speech3n.eval.bench.nano`: measure what nano is said to do, part by part, and write the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from speech3n.eval.bench import options
from speech3n.eval.bench.nano.benchmark import NanoRequest, run_nano
from speech3n.eval.bench.program import run_program


@click.command()
@click.option("--model", default="nano", show_default=True, help="nano, or a folder with a checkpoint of it.")
@click.option(
    "--synthetic", type=click.Path(path_type=Path), help="Speech held out of training; what speed takes, too."
)
@click.option("--real", type=click.Path(path_type=Path), help="Real speech.")
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@options.results("bench-results/nano")
def main(**values: Any) -> None:
    """Measure nano beside Whisper base: error rates, BLEU, whether streaming equals offline, speed.

    What was recognised stays in the cache of `speech3n eval run`, and what was interrupted goes on where it was. Speed
    wants a machine that does nothing else.
    """
    run_program(lambda: run_nano(NanoRequest(**values)))


if __name__ == "__main__":
    main()
