"""Fine-tuning itself: steps, looks at what was held out, the best so far, and going on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from torch import Tensor

from speech3n.errors import StorageError
from speech3n.training import state
from speech3n.training.finetune.trainer import Plan, Pupil
from speech3n.training.finetune.validation import Trial
from speech3n.training.nano.batches import Lessons
from speech3n.training.training_log import Metrics

METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a model at a step: losses on the user's clips and on others, and how good it is altogether."""

    step: int
    loss: float
    kept: float | None
    score: float
    """The mean of the losses, each by its share of what is heard; less is better."""


class Tuning:
    """A run in a folder. The same inputs go on from what is there, and come to what a run without a stop does.

    `trials` are the user's clips that were held out and, if any, others, which count for `keep_share`. `is_stopped`
    tells whether somebody called `stop`.
    """

    def __init__(
        self, pupil: Pupil, lessons: Lessons, plan: Plan, folder: Path, trials: tuple[Trial, Trial | None, float]
    ) -> None:
        self.pupil = pupil
        self.plan = plan
        self._lessons = lessons
        self._folder = folder
        self._own, self._others, self._keep_share = trials
        self._metrics = Metrics(folder / METRICS)
        self.progress = state.load(folder, pupil.parts, pupil.optimizer) or state.Progress()
        self._metrics.rewind(self.progress.step)
        self.is_stopped = False

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """End after this step."""
        self.is_stopped = True

    @property
    def looks(self) -> list[Look]:
        """All looks so far, the first one before anything was learned."""
        return [Look(**entry) for entry in self._metrics.read()]

    @property
    def best(self) -> Look:
        """The look with the best score, the earliest of those that are as good."""
        return min(self.looks, key=lambda look: look.score)

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or the last looks brought nothing better."""
        looks = self.looks
        since = len(looks) - 1 - [look.step for look in looks].index(self.best.step) if looks else 0
        return self.progress.step >= self.plan.steps or since >= self.plan.patience

    def run(
        self, minutes: float | None = None, report: Callable[[int, float, Look | None], None] | None = None
    ) -> None:
        """Learn until it is over, time is up or somebody says stop; the state is saved at the end.

        `report` hears of each step: how many are done, its loss, and the look that followed it, if one did. Raises
        StorageError.
        """
        began = time.monotonic()
        progress, plan = self.progress, self.plan
        if not self.looks:
            self._look()
        while not self.is_stopped and not self.is_over:
            if minutes is not None and time.monotonic() - began > minutes * 60:
                break
            lesson, progress.position = self._lessons.at(progress.position)
            loss = self.pupil.learn(lesson, plan.rate_at(progress.step))
            progress.step += 1
            progress.heard_s += lesson.audio_s
            is_due = progress.step % plan.look_every == 0 or progress.step == plan.steps
            look = self._look() if is_due else None
            if report is not None:
                report(progress.step, loss, look)
        self._save()

    def take_best(self) -> Look:
        """Bring the pupil to where it was best."""
        from safetensors.torch import load_file

        best = self.best
        if best.step != self.progress.step:
            self.pupil.take(load_file(self._best_file(best.step)))
        return best

    def _look(self) -> Look:
        own = self._own.loss(self.pupil.model)
        kept = self._others.loss(self.pupil.model) if self._others else None
        share = self._keep_share if kept is not None else 0.0
        look = Look(self.progress.step, own, kept, (1 - share) * own + share * (kept or 0.0))
        entry: dict[str, Any] = {name: getattr(look, name) for name in ("step", "loss", "kept", "score")}
        if all(look.score < earlier.score for earlier in self.looks):
            self._keep(self.pupil.weights(), look.step)
        self._metrics.write(entry)
        self._save()
        return look

    def _save(self) -> None:
        state.save(self._folder, self.pupil.parts, self.pupil.optimizer, self.progress)
        # Only now can no earlier state ask for them.
        for file in self._folder.glob("best-*.safetensors"):
            if file != self._best_file(self.best.step):
                file.unlink()

    def _keep(self, weights: dict[str, Tensor], step: int) -> None:
        from safetensors.torch import save_file

        file = self._best_file(step)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(weights, file.with_suffix(".part"))
            file.with_suffix(".part").replace(file)
        except OSError as error:
            raise StorageError(f"'{file}' cannot be written: {error.strerror}.", "Check the disk.") from error

    def _best_file(self, step: int) -> Path:
        return self._folder / f"best-{step:07}.safetensors"
