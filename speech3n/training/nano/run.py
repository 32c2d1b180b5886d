"""A run of training in a folder: step after step, with notes, exams and a state to go on from."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from speech3n.training import state
from speech3n.training.data.sampler import Position
from speech3n.training.nano.batches import Lessons
from speech3n.training.nano.synthesis.voices import LANGUAGES
from speech3n.training.nano.trainer import Plan, Trainee
from speech3n.training.pause import rest_while
from speech3n.training.tasks import TARGET
from speech3n.training.training_log import Metrics, plot

_NOTED_EVERY = 25
_PANELS = (
    ("ctc", "ctc_tokens", "even", "whole", "nested"),
    ("ctc_per", "half_wer", *(f"wer_{language}" for language in LANGUAGES)),
    tuple(f"bleu_{language}" for language in LANGUAGES if language != TARGET),
    ("pace",),
)

Examine = Callable[[Trainee], dict[str, float]]
"""What a trainee is worth, by name."""


class Training:
    """A run in a folder: goes on from what is there, or from what `begin` makes of the trainee."""

    def __init__(
        self,
        trainee: Trainee,
        lessons: Lessons,
        plan: Plan,
        folder: Path,
        corpus: str,
        begin: Callable[[], None] = lambda: None,
        examine: Examine | None = None,
    ) -> None:
        self.trainee = trainee
        self.plan = plan
        self.folder = folder
        self._lessons = lessons
        self._examine = examine
        self._metrics = Metrics(folder / "metrics.jsonl")
        self._stop = False
        saved = state.load(folder, trainee.parts, trainee.optimizer)
        if saved is None:
            begin()
        self.progress = saved or state.Progress(corpus=corpus)
        if self.progress.corpus != corpus:
            # There is more to hear than before, in another order: a new pass over it.
            self.progress.position = Position(self.progress.position.epoch + 1, 0)
            self.progress.corpus = corpus
        self._metrics.rewind(self.progress.step)

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """End after this step."""
        self._stop = True

    def run(self, minutes: float | None = None, pause_while: Path | None = None) -> None:
        """Train until the plan is done, time is up or somebody says stop; the state is saved at the end."""
        began = noted = time.monotonic()
        progress, plan = self.progress, self.plan
        sums: dict[str, float] = defaultdict(float)
        while progress.step < plan.steps and not self._stop:
            if minutes is not None and time.monotonic() - began > minutes * 60:
                break
            noted += rest_while(pause_while, lambda: self._stop)
            lesson, progress.position = self._lessons.at(progress.position)
            losses = self.trainee.learn(lesson, plan.rate_at(progress.step))
            progress.step += 1
            progress.heard_s += lesson.audio_s
            for name, value in {**losses, "audio_s": lesson.audio_s, "steps": 1}.items():
                sums[name] += value
            if progress.step % _NOTED_EVERY == 0:
                now = time.monotonic()
                progress.elapsed_s += now - noted
                self._note(sums, now - noted)
                noted = now
            if progress.step % plan.save_every == 0:
                self.save()
            if self._examine is not None and progress.step % plan.exam_every == 0:
                self._metrics.write({"step": progress.step} | self._examine(self.trainee))
                plot(self._metrics.read(), _PANELS, self.folder / "progress.svg")
                noted = time.monotonic()
        self.save()

    def save(self) -> None:
        """Keep the state, and the weights for averaging."""
        state.save(self.folder, self.trainee.parts, self.trainee.optimizer, self.progress)
        state.save_weights(self.folder, self.trainee.model, self.progress.step)

    def _note(self, sums: dict[str, float], seconds: float) -> None:
        steps, audio_s = sums.pop("steps"), sums.pop("audio_s")
        entry = {name: round(value / steps, 4) for name, value in sums.items()}
        sums.clear()
        progress = self.progress
        entry |= {"rate": self.plan.rate_at(progress.step), "pace": round(audio_s / max(seconds, 1e-9), 1)}
        entry |= {"hours": round(progress.heard_s / 3600, 3), "epoch": progress.position.epoch}
        self._metrics.write({"step": progress.step} | entry)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in entry.items())
        click.echo(f"step {progress.step}: {numbers}", err=True)
