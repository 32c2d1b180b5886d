"""The training loop: how far it goes, what it counts, and when it ends; and memorising, which is one of its users."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from speech3n.training.data.sampler import Position
from speech3n.training.loop import Limits, train
from speech3n.training.memorise.batches import MemoriseBatches
from speech3n.training.memorise.passages import read_passages
from speech3n.training.memorise.tiny import tiny_config, train_tokenizer
from speech3n.training.memorise.trainer import MemorisePlan, MemoriseTrainer, memorise
from speech3n.training.new_checkpoint import first_weights
from speech3n.training.state import Progress
from speech3n.training.tasks import PromptEncoder, tasks_for
from tests.conftest import EXAMPLES


@dataclass(frozen=True)
class NumberedBatch:
    number: int
    audio_s: float = 2.0


class NumberedBatches:
    """Three batches a pass."""

    def at(self, position: Position) -> tuple[NumberedBatch, Position]:
        following = Position(position.epoch + position.batch // 2, (position.batch + 1) % 3)
        return NumberedBatch(3 * position.epoch + position.batch), following


class Recorder:
    """Remembers what it was to learn from, and how fast."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, float]] = []

    def train_step(self, batch: NumberedBatch, rate: float) -> dict[str, float]:
        self.steps.append((batch.number, rate))
        return {"loss": 1.0 / len(self.steps)}


@dataclass(frozen=True)
class Linear:
    steps: int

    def rate_at(self, step: int) -> float:
        return float(self.steps - step)


def test_all_steps_are_done_in_order_and_counted() -> None:
    trainer, progress = Recorder(), Progress()
    seen = [
        (progress.step, step.losses["loss"])
        for step in train(trainer, NumberedBatches(), Linear(5), progress, Limits())
    ]
    assert trainer.steps == [(0, 5.0), (1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]
    assert seen == [(1, 1.0), (2, 1 / 2), (3, 1 / 3), (4, 1 / 4), (5, 1 / 5)]
    assert progress.position == Position(1, 2)
    assert progress.audio_s == 10.0
    assert progress.elapsed_s > 0


def test_it_stops_when_asked_or_when_time_is_up_and_goes_on_from_there() -> None:
    trainer, progress = Recorder(), Progress()
    steps = train(trainer, NumberedBatches(), Linear(5), progress, Limits(lambda: progress.step == 2))
    assert len(list(steps)) == 2
    assert not list(train(trainer, NumberedBatches(), Linear(5), progress, Limits(minutes=-1)))
    assert len(list(train(trainer, NumberedBatches(), Linear(5), progress, Limits()))) == 3
    assert [number for number, _ in trainer.steps] == [0, 1, 2, 3, 4]


@pytest.fixture
def one_clip(tmp_path: Path) -> MemoriseBatches:
    manifest = tmp_path / "clips.jsonl"
    audio = EXAMPLES / "es-keywords.flac"
    manifest.write_text(f'{{"audio": "{audio}", "language": "es", "text": "uno dos", "translation_en": "one two"}}\n')
    passages = read_passages(manifest)
    texts = [task.instruction for task in tasks_for("es")] + ["uno dos", "one two"]
    tokenizer = train_tokenizer(texts)
    config = tiny_config(tokenizer)
    return MemoriseBatches(passages, PromptEncoder(tokenizer, config), config, seed=3)


def test_memorising_lowers_the_loss_and_keeps_the_best(one_clip: MemoriseBatches) -> None:
    torch.manual_seed(0)
    model = first_weights(one_clip.config)
    plan, progress = MemorisePlan(steps=6, learning_rate=3e-3, seed=3), Progress()
    batch, _ = one_clip.at(Position(0, 0))
    again, _ = one_clip.at(Position(0, 0))
    assert torch.equal(batch.mel, again.mel)
    assert torch.equal(batch.examples.ids, again.examples.ids)
    trainer = MemoriseTrainer(model, plan)
    losses = [trainer.train_step(batch, 3e-3)["loss"] for _ in range(6)]
    assert losses[-1] < 0.9 * losses[0]
    best = memorise(model, one_clip, plan, progress, lambda: False)
    assert progress.step == 6
    assert best is not model
    assert one_clip.evaluate(best)[1] == 8
