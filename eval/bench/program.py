"""What every program that measures does around its work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from speech3n.errors import Speech3nError
from speech3n.runtime.threads import limit_blas_threads


@contextmanager
def program() -> Iterator[None]:
    """Measure with modest libraries; an expected error is its message and exit code, and no traceback."""
    # Inherited by every process that is measured, ours and the baseline's.
    limit_blas_threads()
    try:
        yield
    except Speech3nError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
