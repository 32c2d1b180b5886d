"""What every program that measures does around its work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import click

from speech3n.errors import Speech3nError
from speech3n.runtime.threads import limit_blas_threads


def run_program(run: Callable[[], int]) -> NoReturn:
    """Measure with few BLAS threads and exit; an expected error is its message and exit code, and no traceback."""
    # Inherited by every process that is measured, ours and the baseline's.
    limit_blas_threads()
    try:
        code = run()
    except Speech3nError as error:
        click.echo(str(error), err=True)
        code = error.exit_code
    sys.exit(code)
