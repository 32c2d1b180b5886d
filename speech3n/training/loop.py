"""The training loop: batch after batch until the steps are done, time is up or somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from speech3n.training.data.sampler import Position
from speech3n.training.pause import wait_while_exists
from speech3n.training.state import Progress


class SizedBatch(Protocol):
    """What a step learns from."""

    @property
    def audio_s(self) -> float:
        """Seconds of audio in it."""


BatchT_co = TypeVar("BatchT_co", bound=SizedBatch, covariant=True)
BatchT_contra = TypeVar("BatchT_contra", bound=SizedBatch, contravariant=True)
BatchT = TypeVar("BatchT", bound=SizedBatch)


class Batches(Protocol[BatchT_co]):
    """Batches that are the same whenever they are asked for again."""

    def at(self, position: Position) -> tuple[BatchT_co, Position]:
        """The batch at a position, and the position after it."""


class Trainer(Protocol[BatchT_contra]):
    """What has weights that a step changes."""

    def train_step(self, batch: BatchT_contra, rate: float) -> dict[str, float]:
        """Learn from a batch at a learning rate; gives losses by name."""


class RatePlan(Protocol):
    """How long and how fast to train."""

    @property
    def steps(self) -> int:
        """Steps in all."""

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step brought: losses by name, seconds of audio in its batch, and seconds that it took."""

    losses: dict[str, float]
    audio_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop before all steps are done, and a file while which exists training rests."""

    should_stop: Callable[[], bool] = lambda: False
    minutes: float | None = None
    pause_while: Path | None = None


def train(
    trainer: Trainer[BatchT], batches: Batches[BatchT], plan: RatePlan, progress: Progress, limits: Limits
) -> Iterator[Step]:
    """Train step after step from where `progress` is, which is up to date whenever a step is yielded.

    What is to happen between two steps (logging, evaluation, saving) is the caller's.
    """
    began = time.monotonic()
    while progress.step < plan.steps and not limits.should_stop():
        if limits.minutes is not None and time.monotonic() - began > limits.minutes * 60:
            return
        wait_while_exists(limits.pause_while, limits.should_stop)
        started = time.monotonic()
        batch, progress.position = batches.at(progress.position)
        losses = trainer.train_step(batch, plan.rate_at(progress.step))
        seconds = time.monotonic() - started
        progress.step += 1
        progress.audio_s += batch.audio_s
        progress.elapsed_s += seconds
        yield Step(losses, batch.audio_s, seconds)
