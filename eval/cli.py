"""`speech3n eval`: recognise a manifest and score what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from speech3n.engines.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from eval.scoring import Mode


@click.group("eval")
def evaluate() -> None:
    """Measure recognition and translation on recordings with reference texts."""


@evaluate.command("run")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model name or folder.")
@click.option(
    "--mode",
    type=click.Choice(["offline", "streaming"]),
    default="offline",
    show_default=True,
    help="As files, or as live captions by a simulated clock.",
)
@click.option("--limit", type=click.IntRange(1), help="So many clips of each language.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.json.")
def run(manifest: Path, model: str, mode: Mode, limit: int | None, report: Path | None) -> None:
    """Recognise the clips of a JSONL MANIFEST and print word error rate, BLEU and delays by language."""
    from rich.console import Console
    from rich.progress import track

    from eval.datasets import load_manifest
    from eval.scoring import recognise, score, score_table, write_report
    from speech3n.engines.registry import open_engine
    from speech3n.errors import Speech3nError

    clips = load_manifest(manifest, limit=limit)
    engine = open_engine(model)
    progress = Console(stderr=True)
    results = []
    failure: Speech3nError | None = None
    try:
        for clip in track(clips, "Recognising", console=progress, disable=not progress.is_terminal):
            results.append(recognise(engine, clip, mode))
    except Speech3nError as error:
        failure = error
    finally:
        engine.close()
    scores = score(results)
    if results:
        Console().print(score_table(scores, model, mode))
    if results and report is not None:
        path = write_report(report, results, scores, {"manifest": str(manifest), "model": model, "mode": mode})
        click.echo(f"Wrote {path}", err=True)
    if failure is not None:
        raise failure
