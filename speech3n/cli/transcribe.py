"""`speech3n transcribe`: files in, transcripts out."""

from __future__ import annotations

from pathlib import Path

import click

from speech3n.cli import options


@click.command(short_help="Transcribe audio and video files.")
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@options.model
@options.size()
@options.language
@options.translate
@options.to
@options.formats
@options.subtitles
@options.output_dir
@click.option("--skip-existing", is_flag=True, help="Leave out inputs whose files are all there already.")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def transcribe(
    inputs: tuple[str, ...],
    model: str,
    size: str | None,
    language: str | None,
    translate: bool,
    to: str,
    formats: str | None,
    subtitles: str | None,
    output_dir: Path | None,
    skip_existing: bool,
    quiet: bool,
) -> int:
    """Transcribe audio and video files, with word times, and translate them.

    FILE can be a folder, which is searched, or a pattern. With one input and neither --format nor
    --output-dir the text is printed; otherwise files are written beside each input or to --output-dir.

    \b
    speech3n transcribe interview.m4a
    speech3n transcribe lectures/ --format srt,json --skip-existing
    speech3n transcribe film.mkv --language fr --translate --format srt --subtitles translation
    speech3n transcribe talk.mp3 --to German --model gemma-3n-e2b
    """
    from speech3n.session.offline import TranscribeRequest, run

    translate = options.translates(translate)
    return run(
        TranscribeRequest(
            inputs=inputs,
            model=model,
            size=size,
            language=language,
            translate=translate,
            to=to,
            formats=formats,
            subtitles=subtitles or ("both" if translate else "source"),
            output_dir=output_dir,
            skip_existing=skip_existing,
            quiet=quiet,
        )
    )
