"""`speech3n recover`: the transcript of a session that was killed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from speech3n.cli import options


@click.command(short_help="Write the transcript of a live session that was killed.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--model", metavar="NAME|DIR", help="Model for what is not recognised yet.  [default: the session's]")
@options.size()
@options.formats
@options.subtitles
@options.output_dir
def recover(**values: Any) -> int:
    """Write the transcript of all that a live session recorded, even if it was killed.

    DIR is the session's folder, as `speech3n live` names it when it begins. What had been recognised is kept word for
    word; what was only recorded is recognised now.
    """
    from speech3n.session.recovery import RecoverRequest, recover_session

    recovered = recover_session(RecoverRequest(**values), note=partial(click.echo, err=True))
    for path in recovered.paths:
        click.echo(path)
    if recovered.failure is not None:
        click.echo(f"speech3n: {recovered.failure} Only what was recognised before is written.", err=True)
        return 1
    return 0
