"""`speech3n transcribe`: files in, transcripts out."""

from __future__ import annotations

from typing import Any

import click

from speech3n.cli import options


@click.command(short_help="Transcribe audio and video files.")
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|URL|-...")
@options.model
@options.size()
@options.language
@options.translate
@options.to
@options.formats
@options.subtitles
@options.output_dir
@click.option("--skip-existing", is_flag=True, help="Leave out files that are there already.")
@click.option("--overwrite", is_flag=True, help="Write files anew that are there already.")
@options.raw_pcm
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def transcribe(quiet: bool, **values: Any) -> int:
    """Transcribe audio and video files, with word times, and translate them.

    FILE can be a folder, which is searched, or a pattern; - is stdin. With one input and neither --format nor
    --output-dir the text is printed; otherwise files are written beside each input or to --output-dir.

    \b
    speech3n transcribe interview.m4a
    speech3n transcribe lectures/ --format srt,json --skip-existing
    speech3n transcribe film.mkv --language fr --translate --format srt --subtitles translation
    speech3n transcribe talk.mp3 --to German --model gemma-3n-e2b
    """
    from speech3n.cli.progress import ConsoleReporter
    from speech3n.session.batch import TranscribeRequest, transcribe_all

    values["translate"] = options.translates(values["translate"])
    return 0 if transcribe_all(TranscribeRequest(**values), ConsoleReporter(quiet=quiet)) else 1
