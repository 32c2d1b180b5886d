"""A run of nano's training in a folder: its log, its evaluations, and a state to go on from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from speech3n.training import state
from speech3n.training.data.sampler import Position
from speech3n.training.loop import Limits, train
from speech3n.training.nano.batches import NanoBatches
from speech3n.training.nano.synthesis.voices import LANGUAGES
from speech3n.training.nano.trainer import NanoPlan, NanoTrainer
from speech3n.training.tasks import TARGET
from speech3n.training.training_log import TrainingLog, plot

_LOG_EVERY = 25
_PANELS = (
    ("ctc", "ctc_tokens", "even", "whole", "nested"),
    ("ctc_per", "half_wer", *(f"wer_{language}" for language in LANGUAGES)),
    tuple(f"bleu_{language}" for language in LANGUAGES if language != TARGET),
    ("pace",),
)

Evaluate = Callable[[NanoTrainer], dict[str, float]]
"""Scores of what is trained, by name."""


class NanoRun:
    """A run in a folder: goes on from what is there, or from what `begin` makes of the trainer's weights."""

    def __init__(
        self,
        trainer: NanoTrainer,
        batches: NanoBatches,
        plan: NanoPlan,
        folder: Path,
        corpus: str,
        begin: Callable[[], None] = lambda: None,
        evaluate: Evaluate | None = None,
    ) -> None:
        self.trainer = trainer
        self.batches = batches
        self.plan = plan
        self.folder = folder
        self._evaluate = evaluate
        self._log = TrainingLog(folder / "metrics.jsonl")
        self._stop = False
        saved = state.load(folder, trainer.parts, trainer.optimizer)
        if saved is None:
            begin()
        self.progress = saved or state.Progress(corpus=corpus)
        if self.progress.corpus != corpus:
            # There are more clips than before, in another order: a new pass over them.
            self.progress.position = Position(self.progress.position.epoch + 1, 0)
            self.progress.corpus = corpus
        self._log.rewind(self.progress.step)

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """End after this step."""
        self._stop = True

    def run(self, minutes: float | None = None, pause_while: Path | None = None) -> None:
        """Train until the plan is done, time is up or somebody says stop; the state is saved at the end."""
        progress, plan = self.progress, self.plan
        limits = Limits(lambda: self._stop, minutes, pause_while)
        sums: dict[str, float] = defaultdict(float)
        for step in train(self.trainer, self.batches, plan, progress, limits):
            for name, value in {**step.losses, "audio_s": step.audio_s, "seconds": step.seconds, "steps": 1}.items():
                sums[name] += value
            if progress.step % _LOG_EVERY == 0:
                self._write_log(sums)
            if progress.step % plan.save_every == 0:
                self.save()
            if self._evaluate is not None and progress.step % plan.evaluate_every == 0:
                self._log.write({"step": progress.step} | self._evaluate(self.trainer))
                plot(self._log.read(), _PANELS, self.folder / "progress.svg")
        self.save()

    def save(self) -> None:
        """Keep the state, and the weights for averaging."""
        state.save(self.folder, self.trainer.parts, self.trainer.optimizer, self.progress)
        state.save_weights(self.folder, self.trainer.model, self.progress.step)

    def _write_log(self, sums: dict[str, float]) -> None:
        steps, audio_s, seconds = (sums.pop(name) for name in ("steps", "audio_s", "seconds"))
        entry = {name: round(value / steps, 4) for name, value in sums.items()}
        sums.clear()
        progress = self.progress
        entry |= {"rate": self.plan.rate_at(progress.step), "pace": round(audio_s / max(seconds, 1e-9), 1)}
        entry |= {"hours": round(progress.audio_s / 3600, 3), "epoch": progress.position.epoch}
        self._log.write({"step": progress.step} | entry)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in entry.items())
        click.echo(f"step {progress.step}: {numbers}", err=True)
