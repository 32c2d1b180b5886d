"""Train nano: the encoder alone by CTC, the decoder alone by reading, then both together; whole and half as wide.

    python -m speech3n.training.train --stage hear --train FEATURES --valid VALID --steps 16000 --output RUN/hear
    python -m speech3n.training.train --stage read --sentences TEXT --steps 16000 --output RUN/read
    python -m speech3n.training.train --begin-with RUN/hear --begin-with RUN/read --train FEATURES --valid VALID
        --sentences TEXT --steps 40000 --output RUN/both

Stop it with Ctrl-C and start it again with the same command: it goes on where it was. `speech3n.training.average`
makes a checkpoint out of it.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
import torch

from speech3n.errors import Speech3nError
from speech3n.training import state
from speech3n.training.corpus.feature_changes import NONE
from speech3n.training.corpus.features import FeatureStore
from speech3n.training.corpus.schedule import Position
from speech3n.training.exam import examiner
from speech3n.training.journal import Metrics, plot
from speech3n.training.lessons import Course, Lessons, read_all
from speech3n.training.nano import FOLDER, new_nano, open_nano
from speech3n.training.questions import TARGET, Desk
from speech3n.training.rest import rest_while
from speech3n.training.synthesis.voices import LANGUAGES
from speech3n.training.trainee import Plan, Stage, Trainee, fit_bridge

_NOTED_EVERY = 25
_PANELS = (
    ("ctc", "ctc_tokens", "whole", "nested"),
    ("ctc_wer", "half_wer", *(f"wer_{language}" for language in LANGUAGES)),
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
    ) -> None:
        self.trainee = trainee
        self.plan = plan
        self.folder = folder
        self._lessons = lessons
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

    def run(
        self, minutes: float | None = None, pause_while: Path | None = None, examine: Examine | None = None
    ) -> None:
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
            if examine is not None and progress.step % plan.exam_every == 0:
                self._metrics.write({"step": progress.step} | examine(self.trainee))
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


@click.command()
@click.option("--stage", default="both", show_default=True, type=click.Choice(["hear", "read", "both"]))
@click.option("--begin-with", multiple=True, help="A run whose weights to begin with.",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--train", "train_folders", multiple=True, help="Features; all stages but `read` need them.",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--valid", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--sentences", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Lists to read.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--steps", default=40_000, show_default=True, type=click.IntRange(1))
@click.option("--batch-s", default=60.0, show_default=True, type=click.FloatRange(1), help="Seconds in a batch.")
@click.option("--batch-sentences", default=6, show_default=True, type=click.IntRange(0), help="Read, in a batch.")
@click.option("--changed/--unchanged", default=True, help="Hear clips otherwise in each pass, and parts of some.")
@click.option("--rate", default=1.5e-3, show_default=True, type=float)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", default="float32", show_default=True, type=click.Choice(["float32", "bfloat16"]))
@click.option("--minutes", type=click.FloatRange(0), help="Stop after this long; the next run goes on.")
@click.option("--exam-every", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--pause-while", type=click.Path(path_type=Path), help="Rest while this file exists.")
def main(
    stage: Stage, begin_with: tuple[Path, ...], train_folders: tuple[Path, ...], valid: Path | None,
    sentences: Path | None, output: Path, steps: int, batch_s: float, batch_sentences: int, changed: bool, rate: float,
    seed: int, threads: int, device: str, minutes: float | None, precision: str, exam_every: int,
    pause_while: Path | None,
) -> None:  # fmt: skip
    """Train nano on folders of features, and go on where the run in the output folder is."""
    torch.set_num_threads(threads)
    course = Course(round(batch_s * 100), batch_sentences, seed=seed)
    if not changed:
        course = replace(course, strength=NONE, beginnings=0.0)
    plan = Plan(steps, stage, rate, exam_every=exam_every, course=course, precision=precision)
    try:
        tokenizer, config = open_nano(FOLDER)
        desk = Desk(tokenizer, config)
        store = FeatureStore(train_folders) if stage != "read" else None
        lessons = Lessons(store, read_all(sentences) if stage != "hear" else [], desk, config, course)
        trainee = Trainee(new_nano(config, seed), plan, device)

        def begin() -> None:
            for run in begin_with:
                state.begin_with(run, trainee.parts)
            if begin_with and stage == "both":
                fit_bridge(trainee, lessons)

        training = Training(trainee, lessons, plan, output, store.digest if store else "", begin)
        examine = examiner(FeatureStore([valid]), desk, plan.exam_clips) if valid else None
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, training.stop)
    hours = f"{store.hours:.2f} hours; " if store else ""
    click.echo(f"{hours}from step {training.progress.step} of {steps}: {plan}", err=True)
    try:
        training.run(minutes, pause_while, examine)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
