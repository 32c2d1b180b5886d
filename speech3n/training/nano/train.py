"""Train nano: the encoder alone by CTC, the decoder alone on phonemes, then both together; whole and half as wide.

    python -m speech3n.training.nano.train --stage encoder --train FEATURES --valid VALID --output RUN/encoder
    python -m speech3n.training.nano.train --stage decoder --sentences TEXT --output RUN/decoder
    python -m speech3n.training.nano.train --begin-with RUN/encoder --begin-with RUN/decoder --train FEATURES
        --valid VALID --sentences TEXT --output RUN/both

Stop it with Ctrl-C and start it again with the same command: it goes on where it was. `speech3n.training.nano.average`
makes a checkpoint out of it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch

from speech3n.errors import Speech3nError
from speech3n.training.clip_batches import TRUNCATED
from speech3n.training.data.augment.features import FeatureAugmentation
from speech3n.training.data.features import FeatureStore
from speech3n.training.nano.batches import NanoBatches, NanoDataConfig, read_all
from speech3n.training.nano.evaluation import evaluator
from speech3n.training.nano.initialise import begin_with
from speech3n.training.nano.model import FOLDER, new_nano
from speech3n.training.nano.run import NanoRun
from speech3n.training.nano.trainer import NanoPlan, NanoTrainer, Stage
from speech3n.training.tasks import PromptEncoder
from speech3n.training.tokenizer import open_tokenizer


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    stage: Stage
    begin_with: tuple[Path, ...]
    train: tuple[Path, ...]
    valid: Path | None
    sentences: Path | None
    output: Path
    steps: int
    batch_s: float
    batch_sentences: int
    longest_sentence: int | None
    translated: float
    joined: float
    augmentation: float
    flat_start: bool
    rate: float
    seed: int
    threads: int
    device: str
    precision: str
    minutes: float | None
    evaluate_every: int
    pause_while: Path | None

    def plan(self) -> NanoPlan:
        """How to train."""
        data = NanoDataConfig(
            batch_frames=round(self.batch_s * 100),
            augmentation=FeatureAugmentation().scaled(self.augmentation),
            translated=self.translated,
            truncated=self.augmentation * TRUNCATED,
            seed=self.seed,
            sentences=self.batch_sentences,
            joined=self.joined,
        )
        return NanoPlan(
            self.steps,
            self.stage,
            self.rate,
            evaluate_every=self.evaluate_every,
            data=data,
            flat_start=self.flat_start,
            precision=self.precision,
        )

    def open_run(self) -> NanoRun:
        """The run as it was left, or a new one; raises Speech3nError."""
        tokenizer, config = open_tokenizer(FOLDER)
        prompts, plan = PromptEncoder(tokenizer, config), self.plan()
        store = FeatureStore(self.train, verify=True) if self.stage != "decoder" else None
        sentences = read_all(self.sentences, self.longest_sentence) if self.stage != "encoder" else []
        batches = NanoBatches(store, sentences, prompts, config, plan.data)
        trainer = NanoTrainer(new_nano(config, self.seed), plan, self.device)

        def begin() -> None:
            begin_with(trainer, batches, self.begin_with)

        evaluate = evaluator(FeatureStore([self.valid]), prompts, plan.evaluation_clips) if self.valid else None
        return NanoRun(trainer, batches, plan, self.output, store.digest if store else "", begin, evaluate)


@click.command()
@click.option("--stage", default="both", show_default=True, help="What is trained.",
              type=click.Choice(["encoder", "decoder", "both"]))  # fmt: skip
@click.option("--begin-with", multiple=True, help="A run or a checkpoint whose weights to begin with.",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--train", multiple=True, help="Features; all stages but `decoder` need them.",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--valid", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--sentences", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Lists to read.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--steps", default=40_000, show_default=True, type=click.IntRange(1))
@click.option("--batch-s", default=60.0, show_default=True, type=click.FloatRange(1), help="Seconds in a batch.")
@click.option("--batch-sentences", default=6, show_default=True, type=click.IntRange(0), help="Read, in a batch.")
@click.option("--longest-sentence", type=click.IntRange(1), metavar="CHARACTERS", help="Read none that is longer.")
@click.option("--translated", default=0.6, show_default=True, type=click.FloatRange(0, 1), help="Share to translate.")
@click.option("--joined", default=0.0, show_default=True, type=click.FloatRange(0, 1),
              help="Share of batches in which several come one after another, up to 12 s.")  # fmt: skip
@click.option("--augmentation", default=1.0, show_default=True, type=click.FloatRange(0, 1),
              help="How often and how far clips sound otherwise in each pass, or are cut short; 0: never.")  # fmt: skip
@click.option("--flat-start", is_flag=True, help="Phonemes first where they would be if all took the same time.")
@click.option("--rate", default=1.5e-3, show_default=True, type=float)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", default="float32", show_default=True, type=click.Choice(["float32", "bfloat16"]))
@click.option("--minutes", type=click.FloatRange(0), help="Stop after this long; the next run goes on.")
@click.option("--evaluate-every", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--pause-while", type=click.Path(path_type=Path), help="Rest while this file exists.")
def main(**given: Any) -> None:
    """Train nano on folders of features, and go on where the run in the output folder is."""
    options = Options(**given)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # Gradients have many: without this a step takes a sixth longer.
    try:
        run = options.open_run()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, run.stop)
        click.echo(f"From step {run.progress.step} of {options.steps}: {run.plan}", err=True)
        run.run(options.minutes, options.pause_while)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
