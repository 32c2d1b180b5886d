"""The pattern of every benchmark: parts whose results are kept as they come, and tables made of nothing else.

A part that is in the store with the same settings is not run again, so that what was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from speech3n.errors import UsageError
from speech3n.eval.bench.readme import replace_block
from speech3n.eval.bench.store import ResultStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """What every benchmark is told: where its results are, which parts to run, and what becomes of the tables.

    `only` names parts, none stands for all. With `table` or `update_readme` nothing runs: the tables of the results
    are printed, or put into the pages.
    """

    out: Path
    only: tuple[str, ...] = ()
    fresh: bool = False
    table: bool = False
    update_readme: bool = False

    @property
    def measures(self) -> bool:
        """Whether anything is to be run."""
        return not (self.table or self.update_readme)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The names of the parts, what runs some of them, what makes the tables, and where in which pages those stand."""

    parts: tuple[str, ...]
    measure: Callable[[ResultStore, Sequence[str]], None]
    render: Callable[[ResultStore], str]
    block: str
    pages: tuple[Path, ...] = (Path("README.md"),)


def run_benchmark(benchmark: Benchmark, request: BenchRequest) -> int:
    """Run the parts that are asked for and print the tables, or put them into the pages; the exit code.

    Raises UsageError for a part that there is not, StorageError, and what the parts raise.
    """
    for name in request.only:
        if name not in benchmark.parts:
            raise UsageError(f"There is no part '{name}'.", f"There are: {', '.join(benchmark.parts)}.")
    store = ResultStore(request.out, request.fresh)
    if request.measures:
        benchmark.measure(store, request.only or benchmark.parts)
    tables = benchmark.render(store)
    if not request.update_readme:
        click.echo(tables)
        return 0
    for page in benchmark.pages:
        replace_block(page, tables, benchmark.block)
    return 0
