"""Fine-tuning itself: steps, evaluations on what was held out, the best so far, and going on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from torch import Tensor

from speech3n.errors import StorageError
from speech3n.training import state
from speech3n.training.clip_batches import ClipBatches
from speech3n.training.finetune.trainer import FineTunePlan, FineTuneTrainer
from speech3n.training.finetune.validation import ValidationSet
from speech3n.training.loop import Limits, train
from speech3n.training.training_log import TrainingLog

METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class EvaluationPoint:
    """A model at a step: losses on the user's clips and on others, and how good it is altogether."""

    step: int
    loss: float
    kept: float | None
    score: float
    """The mean of the losses, each by its share of the audio; less is better."""


Report = Callable[[int, float, EvaluationPoint | None], None]
"""Called after each step: how many are done, its loss, and the evaluation that followed it, if one did."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What the best step is chosen by: the user's clips and, if any, others, which count for `keep_share`."""

    own: ValidationSet
    others: ValidationSet | None
    keep_share: float


class FineTuneRun:
    """A run in a folder. The same inputs go on from what is there, and come to what a run without a stop does.

    `points` are all evaluations so far, the first one before anything was learned; `is_stopped` tells whether
    somebody called `stop`.
    """

    def __init__(
        self, trainer: FineTuneTrainer, batches: ClipBatches, plan: FineTunePlan, folder: Path, validation: Validation
    ) -> None:
        self.trainer = trainer
        self.plan = plan
        self._batches = batches
        self._folder = folder
        self.validation = validation
        self._log = TrainingLog(folder / METRICS)
        self.progress = state.load(folder, trainer.parts, trainer.optimizer) or state.Progress()
        self._log.rewind(self.progress.step)
        self.points = [EvaluationPoint(**entry) for entry in self._log.read()]
        self.is_stopped = False

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """End after this step."""
        self.is_stopped = True

    @property
    def best(self) -> EvaluationPoint:
        """The point with the best score, the earliest of those that are as good."""
        return min(self.points, key=lambda point: point.score)

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or the last evaluations brought nothing better."""
        since = len(self.points) - 1 - self.points.index(self.best) if self.points else 0
        return self.progress.step >= self.plan.steps or since >= self.plan.patience

    def run(self, minutes: float | None = None, report: Report | None = None) -> None:
        """Learn until it is over, time is up or somebody says stop, and save the state; raises StorageError."""
        if not self.points:
            self._evaluate()
        progress, plan = self.progress, self.plan
        limits = Limits(lambda: self.is_stopped or self.is_over, minutes)
        for step in train(self.trainer, self._batches, plan, progress, limits):
            is_due = progress.step % plan.evaluate_every == 0 or progress.step == plan.steps
            point = self._evaluate() if is_due else None
            if report is not None:
                report(progress.step, step.losses["loss"], point)
        self._save()

    def take_best(self) -> EvaluationPoint:
        """Bring the trainer's weights to where they were best."""
        from safetensors.torch import load_file

        best = self.best
        if best.step != self.progress.step:
            self.trainer.take(load_file(self._best_file(best.step)))
        return best

    def _evaluate(self) -> EvaluationPoint:
        validation, model = self.validation, self.trainer.model
        own = validation.own.loss(model)
        kept = validation.others.loss(model) if validation.others else None
        share = validation.keep_share if kept is not None else 0.0
        point = EvaluationPoint(self.progress.step, own, kept, (1 - share) * own + share * (kept or 0.0))
        if all(point.score < earlier.score for earlier in self.points):
            self._keep(self.trainer.weights(), point.step)
        self.points.append(point)
        self._log.write(asdict(point))
        self._save()
        return point

    def _save(self) -> None:
        state.save(self._folder, self.trainer.parts, self.trainer.optimizer, self.progress)
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
