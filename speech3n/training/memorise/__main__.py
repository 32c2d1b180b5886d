"""Train a tiny Gemma 3n to know a few recordings by heart: a checkpoint that proves the road from audio to text.

    python -m speech3n.training.memorise clips.jsonl --output folder

It recites the clips it was trained on and knows nothing else. Ctrl-C ends training early and keeps the best so far.
"""

from __future__ import annotations

import copy
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import click
import torch

from speech3n.audio.frontend import LogMel
from speech3n.errors import Speech3nError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.incremental import SharedModel
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.memorise.batches import MemoriseBatches
from speech3n.training.memorise.card import Run, Training, read_runs, write_card
from speech3n.training.memorise.check import MemorisationCheck, check_growing, check_whole
from speech3n.training.memorise.passages import Passage, read_passages
from speech3n.training.memorise.tiny import tiny_config, train_tokenizer
from speech3n.training.memorise.trainer import MemorisePlan, memorise
from speech3n.training.new_checkpoint import count_parameters, first_weights, save_companions
from speech3n.training.state import Progress
from speech3n.training.tasks import PromptEncoder, tasks_for
from speech3n.training.tokenizer import open_tokenizer

_LISTED = 20


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option("--steps", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=6, show_default=True, type=click.IntRange(1), help="Go on while answers are wrong.")
@click.option("--learning-rate", default=3e-3, show_default=True, type=float)
@click.option("--seed", default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the output folder.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
def main(manifest: Path, output: Path, threads: int, rounds: int, resume: bool, **plan: Any) -> None:
    """Train a tiny Gemma 3n until it recites the clips of MANIFEST; exit 1 where it doesn't."""
    torch.set_num_threads(threads)
    torch.manual_seed(plan["seed"])
    try:
        passages = read_passages(manifest)
        tokenizer, model = _open(output) if resume else _begin(passages)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        save_companions(output, tokenizer, model.config)
    prompts = PromptEncoder(tokenizer, model.config)
    batches = MemoriseBatches(passages, prompts, model.config, plan["seed"])
    runs = read_runs(output) if resume else []
    stopped: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:
        stopped.append(signum)

    signal.signal(signal.SIGINT, stop)
    progress = Progress()
    for part in _rounds(MemorisePlan(**plan), rounds):
        start = time.monotonic()
        progress.step = 0
        model = memorise(model, batches, part, progress, lambda: bool(stopped))
        minutes = (time.monotonic() - start) / 60
        checkpoint.save(copy.deepcopy(model).bfloat16(), output)
        check = _check(output, prompts, passages)
        runs.append(Run(part.steps, part.learning_rate, part.seed, round(minutes, 1)))
        write_card(output, manifest, Training(runs, count_parameters(model), str(check)))
        click.echo(f"{output}: {check} after {minutes:.1f} minutes of training.")
        for wrong_answer in check.wrong_answers[:_LISTED]:
            click.echo(f"  {wrong_answer}", err=True)
        if stopped or not check.wrong_answers:
            break
    sys.exit(1 if check.wrong_answers else 0)


def _rounds(plan: MemorisePlan, rounds: int) -> Iterator[MemorisePlan]:
    """The first round, and shorter and gentler ones for what it left wrong."""
    yield plan
    for _ in range(rounds - 1):
        yield replace(plan, steps=max(1, plan.steps // 3), learning_rate=plan.learning_rate / 3)


def _begin(passages: Sequence[Passage]) -> tuple[Any, Gemma3n]:
    tokenizer = train_tokenizer(_all_texts(passages))
    return tokenizer, first_weights(tiny_config(tokenizer))


def _open(folder: Path) -> tuple[Any, Gemma3n]:
    tokenizer, _ = open_tokenizer(folder)
    return tokenizer, checkpoint.load(folder, torch.float32).requires_grad_(True)


def _check(folder: Path, prompts: PromptEncoder, passages: Sequence[Passage]) -> MemorisationCheck:
    """What the checkpoint on disk recites, computed in float32 and in bfloat16."""
    total = MemorisationCheck(0, ())
    for dtype in (torch.float32, torch.bfloat16):
        shared = SharedModel(LogMel(), checkpoint.load(folder, dtype))
        for kind, run_check in (("whole", check_whole), ("growing", check_growing)):
            check = run_check(shared, prompts, passages)
            click.echo(f"{kind}, {str(dtype).removeprefix('torch.')}: {check}", err=True)
            total += check
    return total


def _all_texts(passages: Sequence[Passage]) -> list[str]:
    # What frames the instruction, as prompts.py has it.
    texts = ["user\n\n\n", "\n\n", "model\n"]
    for passage in passages:
        for task in tasks_for(passage.language):
            texts += [task.instruction, task.answer(*passage.whole)]
    return texts


if __name__ == "__main__":
    main()
