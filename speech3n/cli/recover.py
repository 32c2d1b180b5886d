"""`speech3n recover`: the transcript of a session that was killed."""

from __future__ import annotations

from pathlib import Path

import click

from speech3n.cli import options


@click.command(short_help="Write the transcript of a live session that was killed.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--model", help="Model for what was not recognised yet.  [default: the session's own]")
@options.size()
@options.formats
@options.subtitles
@options.output_dir
def recover(
    folder: Path,
    model: str | None,
    size: str | None,
    formats: str | None,
    subtitles: str | None,
    output_dir: Path | None,
) -> int:
    """Write the transcript of all that a live session heard, even if it was killed.

    DIR is the session's folder, as `speech3n live` names it when it begins. What had been recognised is kept word for
    word; what was only recorded is recognised now.
    """
    from contextlib import closing

    from speech3n.engines.registry import open_engine, resolve_model
    from speech3n.errors import ModelError
    from speech3n.formats.subtitles import SubtitleOptions
    from speech3n.formats.writers import parse_formats, write_transcript
    from speech3n.journal.journal import SavedSession
    from speech3n.session.recovery import missing_stretches, recover_transcript

    wanted = parse_formats(formats or "txt,srt,json")
    session = SavedSession.load(folder)
    missing_s = sum(end - start for start, end in missing_stretches(session))
    code = 0
    if missing_s:
        ref = resolve_model(model or session.header.model, size)
        click.echo(f"Recognising {missing_s:.1f} s that were recorded and not yet recognised…", err=True)
        try:
            with closing(open_engine(ref)) as engine:
                transcript = recover_transcript(session, engine)
        except ModelError as error:
            click.echo(f"speech3n: {error} Only what was recognised before is written.", err=True)
            transcript, code = recover_transcript(session, None), 1
    else:
        transcript = recover_transcript(session, None)
    layout = SubtitleOptions(content=subtitles or ("both" if session.header.translate else "source"))
    for path in write_transcript(transcript, wanted, (output_dir or folder) / "transcript", layout):
        click.echo(path)
    return code
