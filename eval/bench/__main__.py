"""`python -m speech3n.eval.bench`: measure what README.md claims, part by part, and write the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from speech3n.eval.bench import options
from speech3n.eval.bench.captions.benchmark import CaptionsRequest, run_captions
from speech3n.eval.bench.program import run_program
from speech3n.store import DEFAULT_MODEL


@click.command()
@click.argument("clips", metavar="CLIPS", required=False, type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@click.option("--silence-minutes", type=float, default=10.0, show_default=True)
@click.option("--memory-minutes", type=float, default=60.0, show_default=True)
@options.results("bench-results")
def main(**values: Any) -> None:
    """Measure speech3n beside faster-whisper on the manifest CLIPS; finished parts are kept and not run again."""
    run_program(lambda: run_captions(CaptionsRequest(**values)))


if __name__ == "__main__":
    main()
