"""`speech3n live`: captions in a terminal UI, as plain text or as JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from speech3n.cli import options


@click.command(short_help="Live captions from the microphone, a file or a pipe.")
@click.argument("source", default="mic", metavar="[mic | FILE | URL | -]")
@options.model
@options.size("auto")
@options.language
@options.translate
@options.to
@click.option("--plain", is_flag=True, help="Plain text on stdout, a segment a line; what a pipe gets by default.")
@click.option("--jsonl", is_flag=True, help="Every update as a JSON object on a line of its own.")
@click.option(
    "--pace",
    type=click.Choice(["realtime", "max", "simulated"]),
    metavar="[realtime|max]",
    help="How fast a FILE is played.  [default: realtime in the UI, max with --plain and --jsonl]",
)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the session: its sound, its events, its transcripts.  [default: a new one in your data folder]",
)
@options.formats
@options.subtitles
@click.option("--device", metavar="NAME|INDEX", help="Microphone, by number or part of its name.")
@click.option("--list-devices", is_flag=True, help="Show the microphones and exit.")
@click.option(
    "--when-behind",
    type=click.Choice(["wait", "skip"]),
    default="wait",
    show_default=True,
    help="When recognition is slower than speech: let audio wait on disk, or skip to the newest.",
)
@click.option(
    "--max-lag",
    type=options.FiniteRange(min=1),
    metavar="SECONDS",
    help="How far behind is too far.  [default: 3600 to wait, 10 to skip]",
)
@click.option("--discard-audio", is_flag=True, help="Delete the session's sound after a clean end.")
@click.option(
    "--theme",
    type=click.Choice(["dark", "light", "contrast"]),
    default="dark",
    show_default=True,
    help="Colours of the UI.",
)
@click.option("--large", is_flag=True, help="Large print in the UI: bold, with air between lines.")
@options.raw_pcm
def live(plain: bool, jsonl: bool, list_devices: bool, theme: str, large: bool, **values: Any) -> int:
    """Show what is said while it is said, and its translation with --translate.

    Listens to the microphone, to a FILE or URL, or to stdin (-): a recording, or raw PCM. Text that is committed
    never changes; tentative text is dimmed. Everything is kept in the session's folder as it comes: after a crash,
    `speech3n recover DIR` writes the transcript.

    \b
    speech3n live --language es --translate
    speech3n live lecture.mp4 --pace max --save lecture/
    ffmpeg -i URL -f s16le -ar 16000 -ac 1 - | speech3n live - --jsonl
    """
    from speech3n.session.live import LiveRequest
    from speech3n.tui.command import Appearance, LiveCommand, run

    values["translate"] = options.translates(values["translate"])
    return run(LiveCommand(LiveRequest(**values), plain, jsonl, list_devices, Appearance(theme, large)))
