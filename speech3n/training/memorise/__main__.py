"""Teach a tiny Gemma 3n a few recordings by heart: a checkpoint that proves the road from sound to text.

    python -m speech3n.training.memorise clips.jsonl --output folder

It recites the clips it was trained on and knows nothing else. Ctrl-C ends training early and keeps the best so far.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch

from speech3n.audio.frontend import LogMel
from speech3n.errors import Speech3nError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.incremental import SharedModel
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.memorise.batches import Teacher
from speech3n.training.memorise.card import Run, Training, read_runs, write_card
from speech3n.training.memorise.check import Recital, recite_growing, recite_whole
from speech3n.training.memorise.passages import Passage, read_passages
from speech3n.training.memorise.tiny import tiny_config, train_tokenizer
from speech3n.training.new_checkpoint import count_parameters, first_weights, save_companions
from speech3n.training.step import training_step
from speech3n.training.tasks import Desk, questions_about

_WARM_UP = 50
_WEIGHT_DECAY = 0.01
_BETAS = (0.9, 0.98)
_EXAM_EVERY = 100
_LISTED_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    steps: int
    learning_rate: float
    seed: int


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
    desk = Desk(tokenizer, model.config)
    teacher = Teacher(passages, desk, model.config, plan["seed"])
    runs = read_runs(output) if resume else []
    for part in _parts(Plan(**plan), rounds):
        start = time.monotonic()
        model, is_interrupted = _train(model, teacher, part)
        minutes = (time.monotonic() - start) / 60
        checkpoint.save(copy.deepcopy(model).bfloat16(), output)
        recital = _recite(output, desk, passages)
        runs.append(Run(part.steps, part.learning_rate, part.seed, round(minutes, 1)))
        write_card(output, manifest, Training(runs, count_parameters(model), str(recital)))
        click.echo(f"{output}: {recital} after {minutes:.1f} minutes of training.")
        for fault in recital.faults[:_LISTED_FAULTS]:
            click.echo(f"  {fault}", err=True)
        if is_interrupted or not recital.faults:
            break
    sys.exit(1 if recital.faults else 0)


def _parts(plan: Plan, rounds: int) -> Iterator[Plan]:
    """The first round, and shorter and gentler ones for what it left wrong."""
    yield plan
    for _ in range(rounds - 1):
        yield replace(plan, steps=max(1, plan.steps // 3), learning_rate=plan.learning_rate / 3)


def _begin(passages: Sequence[Passage]) -> tuple[Any, Gemma3n]:
    tokenizer = train_tokenizer(_all_texts(passages))
    return tokenizer, first_weights(tiny_config(tokenizer))


def _open(folder: Path) -> tuple[Any, Gemma3n]:
    from transformers import AutoTokenizer

    model = checkpoint.load(folder, torch.float32).requires_grad_(True)
    return AutoTokenizer.from_pretrained(str(folder), local_files_only=True), model


def _train(model: Gemma3n, teacher: Teacher, plan: Plan) -> tuple[Gemma3n, bool]:
    """The model at its best exam, and whether training was interrupted."""
    optimizer = torch.optim.AdamW(
        model.parameters(), plan.learning_rate, betas=_BETAS, weight_decay=_WEIGHT_DECAY, foreach=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step, plan.steps))
    best, fewest = model, math.inf
    losses: list[float] = []
    try:
        for step in range(1, plan.steps + 1):
            material = teacher.draw()
            loss, _ = training_step(model, optimizer, material.mel, material.mask, material.batch)
            schedule.step()
            losses.append(loss)
            if step % _EXAM_EVERY == 0 or step == plan.steps:
                wrong, asked = teacher.examine(copy.deepcopy(model).bfloat16().float())
                if wrong <= fewest:
                    best, fewest = copy.deepcopy(model), wrong
                average = sum(losses) / len(losses)
                losses.clear()
                click.echo(
                    f"step {step} of {plan.steps}: loss {average:.4f}, exam {asked - wrong} of {asked}", err=True
                )
    except KeyboardInterrupt:
        click.echo("Stopped; going on with the best so far.", err=True)
        return best, True
    return best, False


def _share_of_rate(step: int, steps: int) -> float:
    """The learning rate's course: up for a while, then down in half a cosine."""
    if step < _WARM_UP:
        return (step + 1) / _WARM_UP
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def _recite(folder: Path, desk: Desk, passages: Sequence[Passage]) -> Recital:
    """What the checkpoint on disk recites, computed in float32 and in bfloat16."""
    total = Recital(0, ())
    for dtype in (torch.float32, torch.bfloat16):
        shared = SharedModel(LogMel(), checkpoint.load(folder, dtype))
        for kind, recite in (("whole", recite_whole), ("growing", recite_growing)):
            recital = recite(shared, desk, passages)
            click.echo(f"{kind}, {str(dtype).removeprefix('torch.')}: {recital}", err=True)
            total += recital
    return total


def _all_texts(passages: Sequence[Passage]) -> list[str]:
    # What frames the instruction, as prompts.py has it.
    texts = ["user\n\n\n", "\n\n", "model\n"]
    for passage in passages:
        for question in questions_about(passage.language):
            texts += [question.instruction, question.answer(*passage.whole)]
    return texts


if __name__ == "__main__":
    main()
