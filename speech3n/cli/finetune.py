"""`speech3n finetune`: a model that is adapted to a voice, an accent or a vocabulary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speech3n.cli import options

if TYPE_CHECKING:
    from speech3n.training.finetune.run import EvaluationPoint, Report
    from speech3n.training.finetune.trainer import Method

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Adapt a model to a voice, an accent or a vocabulary.")
@click.argument("manifest", type=_FILE)
@click.option("--model", default="nano", show_default=True, metavar="NAME|DIR", envvar="SPEECH3N_MODEL",
              help="A Gemma 3n to begin with: a name of `speech3n models list` or a folder.")  # fmt: skip
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="A new folder for the model; of a run that was stopped, the same one.")  # fmt: skip
@click.option("--method", type=click.Choice(["lora", "full"]), default="lora", show_default=True,
              help="Learn small matrices beside the large ones, or every number.")  # fmt: skip
@click.option("--keep", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="MANIFEST|DIR",
              help="Clips of others that the model must go on understanding, mixed in against forgetting.")  # fmt: skip
@click.option("--keep-share", default=0.5, show_default=True, type=options.FiniteRange(0, 0.95),
              help="How much of the audio in training is of --keep.")  # fmt: skip
@click.option("--valid", type=_FILE, metavar="MANIFEST", help="Clips to measure with.  [default: a part of MANIFEST]")
@click.option("--valid-share", default=0.1, show_default=True, type=options.FiniteRange(0.01, 0.5),
              help="How many clips of MANIFEST are held out to measure with: at least five.")  # fmt: skip
@click.option(
    "--steps", default=400, show_default=True, type=click.IntRange(1), help="It ends sooner if nothing helps."
)
@click.option("--minutes", type=options.FiniteRange(0), help="Stop after this long; the same command goes on.")
@click.option("--rate", type=options.FiniteRange(0, min_open=True),
              help="Learning rate.  [default: 0.0005 with lora, 0.0001 with full]")  # fmt: skip
@click.option("--rank", default=16, show_default=True, type=click.IntRange(1), help="Size of LoRA's matrices.")
@click.option(
    "--batch-s", default=30.0, show_default=True, type=options.FiniteRange(1), help="Seconds of audio in a step."
)
@click.option("--seed", default=0, show_default=True, help="What is held out and how clips are changed hangs on it.")
@click.option("--threads", type=click.IntRange(1), help="Threads to compute with.  [default: half of the cores]")
@click.option("--device", default="cpu", show_default=True, help="cpu, or cuda for a GPU.")
def finetune(
    manifest: Path, model: str, output: Path, method: Method, keep: tuple[Path, ...], keep_share: float,
    valid: Path | None, valid_share: float, steps: int, minutes: float | None, rate: float | None, rank: int,
    batch_s: float, seed: int, threads: int | None, device: str,
) -> int:  # fmt: skip
    """Adapt nano, or any Gemma 3n, to the clips of MANIFEST, and print the folder of the model that comes out.

    MANIFEST has a clip a line, as for `speech3n eval run`: {"audio": "clip.wav", "language": "es", "text": "Hola.",
    "translation_en": "Hello."}. Fifty sentences are a beginning. Some are held out; the model that does best on
    them is the one that is kept, and if none does better than before, nothing is written and the exit code is 1.

    A model that is trained on one voice forgets others: give it theirs with --keep. Ctrl-C writes the best so far, and
    the same command goes on. DIR is a model as any other: --model takes it, `models quantize` makes it smaller.

    \b
    speech3n finetune me.jsonl --output nano-me/
    speech3n finetune me.jsonl --keep others.jsonl --output nano-me/ --minutes 20
    speech3n finetune clinic.jsonl --model gemma-3n-e2b --device cuda --output e2b-clinic/
    """
    from speech3n.runtime.extras import require

    require("torch", "finetune")
    from speech3n.training.finetune.command import FineTuneRequest, fine_tune
    from speech3n.training.finetune.dataset import Sources
    from speech3n.training.finetune.trainer import FineTunePlan

    plan = FineTunePlan(steps, method, rank, rate, seed=seed)
    sources = Sources(manifest, valid, valid_share, keep, keep_share, seed)
    request = FineTuneRequest(sources, plan, model, output, batch_s, minutes, device, threads)
    result = fine_tune(request, ConsoleReporter())
    if result.folder is not None:
        click.echo(result.folder)
    return result.exit_code


class ConsoleReporter:
    """On stderr a line for each evaluation and, where it is a terminal, a bar."""

    def note(self, text: str) -> None:
        """Say something."""
        click.echo(text, err=True)

    @contextmanager
    def steps(self, done: int, total: int) -> Iterator[Report]:
        """Show steps as they are done."""
        from speech3n.training.finetune.report import line_of

        if not sys.stderr.isatty():
            yield lambda step, loss, point: self.note(line_of(point, total)) if point else None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True, highlight=False)) as bar:
            task = bar.add_task("Fine-tuning", total=total, completed=done)

            def report(step: int, loss: float, point: EvaluationPoint | None) -> None:
                bar.update(task, completed=step, description=f"Fine-tuning, loss {loss:.3f}")
                if point is not None:
                    bar.console.print(line_of(point, total), markup=False)

            yield report
