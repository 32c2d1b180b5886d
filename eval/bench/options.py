"""The options that all benchmarks share; they become the fields of a `BenchRequest`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def results(out: str) -> Callable[[_Command], _Command]:
    """Where results are, which parts to run, and what becomes of the tables; `out` is the folder by default."""

    def add(command: _Command) -> _Command:
        for option in (
            click.option("--update-readme", is_flag=True, help="Run nothing; put the tables where they stand."),
            click.option("--table", is_flag=True, help="Run nothing; print the tables of the results."),
            click.option("--fresh", is_flag=True, help="Run again what is done."),
            click.option("--only", multiple=True, metavar="PART", help="Only these parts; a wrong name lists them."),
            click.option(
                "--out",
                type=click.Path(path_type=Path, file_okay=False),
                default=Path(out),
                show_default=True,
                help="Results; what is there is not run again.",
            ),
        ):
            command = option(command)
        return command

    return add
