"""`speech3n eval`: recognise sets of clips with systems side by side, and score what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from speech3n.cli import options
from speech3n.store import DEFAULT_MODEL

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("eval", short_help="Measure recognition and translation.")
def evaluate() -> None:
    """Measure recognition and translation on recordings with reference texts."""


@evaluate.command("run", short_help="Recognise a set with several systems, and score them.")
@click.argument("manifest", type=_PATH)
@click.option(
    "--model", "models", multiple=True, help=f"Model name or folder; several stand side by side. [{DEFAULT_MODEL}]"
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="whole|auto|e2b|e4b|FILE",
    help="Size at which a Gemma 3n runs; several stand side by side.  [whole]",
)
@click.option(
    "--mode",
    "modes",
    type=click.Choice(["offline", "streaming"]),
    multiple=True,
    help="As files, or as live captions by a simulated clock; may be given twice.  [offline]",
)
@click.option(
    "--peer", "baselines", multiple=True, metavar="MODEL", help="faster-whisper itself, with this Whisper model."
)
@click.option("--hypotheses", multiple=True, metavar="NAME=FILE", help="Texts of another program, as JSONL.")
@click.option("--language", help="Only clips of this language.")
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@click.option(
    "--join",
    "gap_s",
    type=options.FiniteRange(),
    metavar="SECONDS",
    help="Join clips, with so much silence between them.",
)
@click.option(
    "--condition", "conditions", multiple=True, help="Recognise under noise:white:10, reverb:0.6, telephone ..."
)
@click.option("--sweep", is_flag=True, help="All conditions of the standard sweep.")
@click.option(
    "--false-text",
    "false_text_minutes",
    type=options.FiniteRange(),
    metavar="MINUTES",
    help="Also recognise silence, noise, music.",
)
@click.option("--by", "fields", multiple=True, metavar="FIELD", help="Score by source, speaker or another field, too.")
@click.option("--translate/--no-translate", default=True, show_default=True, help="Where there are English references.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Recordings at a time.")
@click.option("--cache", type=_FOLDER, help="Where results are kept.  [the user's cache folder]")
@click.option("--fresh", is_flag=True, help="Recognise again what is in the cache.")
@click.option("--report", type=_FOLDER, help="Folder for report.json, report.md and index.html.")
@click.option("--compare", "compare_with", type=_PATH, help="An earlier report, to show what moved.")
def run(**values: Any) -> int:
    """Recognise the clips of MANIFEST and print error rates, BLEU and delays by language.

    MANIFEST is a JSONL file with a clip a line ({"audio", "language", "text", "translation_en"}), or a set as it is
    published: LibriSpeech, Common Voice, FLEURS, CoVoST 2, MLS; or a folder of shards, as training reads them. Each
    result is kept as it comes: what was interrupted goes on where it was, and a second run with another model only
    runs that one.

    \b
    speech3n eval run clips.jsonl --model whisper-base --peer whisper-base --report report/
    speech3n eval run clips.jsonl --mode streaming --join 0.8 --report live/ --compare yesterday/
    """
    from speech3n.eval.commands.evaluate import EvaluateRequest, evaluate_set

    return evaluate_set(EvaluateRequest(**values))


@evaluate.command("session")
@click.argument("log", type=_PATH)
@click.option("--reference", type=_PATH, help="What was said: a text file, or a JSONL manifest of one clip.")
@click.option("--language", help="The language of a reference text.  [that of the session]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def session(**values: Any) -> int:
    """Score a past session: its folder, or what `live --jsonl` printed.

    Without a reference it tells delays and steadiness only.
    """
    from speech3n.eval.commands.session import SessionRequest, score_session

    return score_session(SessionRequest(**values))
