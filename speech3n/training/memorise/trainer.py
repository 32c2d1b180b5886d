"""The memorising trainer: everything learns, and the best evaluation is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import click
import torch

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.loop import Limits, train
from speech3n.training.memorise.batches import MemoriseBatch, MemoriseBatches
from speech3n.training.state import Progress
from speech3n.training.step import answer_loss, update_weights

_WARM_UP = 50
_WEIGHT_DECAY = 0.01
_BETAS = (0.9, 0.98)
_EVALUATE_EVERY = 100


@dataclass(frozen=True, slots=True)
class MemorisePlan:
    """How to train: the rate rises for a while, then falls in half a cosine."""

    steps: int
    learning_rate: float
    seed: int

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        if step < _WARM_UP:
            return self.learning_rate * (step + 1) / _WARM_UP
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, step / self.steps))) / 2)


class MemoriseTrainer:
    """A model of which everything learns, and its optimizer."""

    def __init__(self, model: Gemma3n, plan: MemorisePlan) -> None:
        self.model = model
        self._optimizer = torch.optim.AdamW(
            model.parameters(), plan.learning_rate, betas=_BETAS, weight_decay=_WEIGHT_DECAY, foreach=True
        )

    def train_step(self, batch: MemoriseBatch, rate: float) -> dict[str, float]:
        """Learn from a batch; gives the `loss` before."""
        loss = answer_loss(self.model, batch.examples, self.model.encode(batch.mel, batch.mask))
        update_weights(loss, self._optimizer, rate, self.model)
        return {"loss": float(loss.detach())}


def memorise(
    model: Gemma3n, batches: MemoriseBatches, plan: MemorisePlan, progress: Progress, should_stop: Callable[[], bool]
) -> Gemma3n:
    """Train from `progress.position` on, for all steps of a plan or until somebody says stop; gives the best model."""
    trainer = MemoriseTrainer(model, plan)
    best, fewest = model, math.inf
    losses: list[float] = []
    for step in train(trainer, batches, plan, progress, Limits(should_stop)):
        losses.append(step.losses["loss"])
        if progress.step % _EVALUATE_EVERY == 0 or progress.step == plan.steps:
            wrong, asked = batches.evaluate(copy.deepcopy(model).bfloat16().float())
            if wrong <= fewest:
                best, fewest = copy.deepcopy(model), wrong
            average = sum(losses) / len(losses)
            losses.clear()
            message = f"step {progress.step} of {plan.steps}: loss {average:.4f}, {asked - wrong} of {asked} right"
            click.echo(message, err=True)
    return best
