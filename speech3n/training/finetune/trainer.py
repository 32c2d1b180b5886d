"""The fine-tuning trainer: which parameters learn, with LoRA or all of them, and what a step does to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speech3n.models.gemma3n.elastic import submodel_of
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from speech3n.training import state
from speech3n.training.clip_batches import ClipBatch
from speech3n.training.finetune.lora import adapt, merge
from speech3n.training.nested import NestedModel
from speech3n.training.step import Batch, answer_loss, update_weights

Method = Literal["lora", "full"]
_WEIGHT_DECAY = 0.01
_TABLE = "language_model.embed_tokens_per_layer."
"""Of the per-layer embeddings each text moves a few rows: they stay."""


_RATES: dict[Method, float] = {"lora": 5e-4, "full": 1e-4}


@dataclass(frozen=True, slots=True)
class FineTunePlan:
    """How to fine-tune; without a `rate` it is one that suits the method."""

    steps: int
    method: Method = "lora"
    rank: int = 16
    rate: float | None = None
    evaluate_every: int = 25
    """Steps between two evaluations on the clips that were held out."""
    patience: int = 6
    """Evaluations without any better one after which it ends."""
    seed: int = 0

    @property
    def highest_rate(self) -> float:
        """The learning rate that the steps rise to."""
        return self.rate or _RATES[self.method]

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, which rises at first, stays, and falls to nothing over the second half."""
        rise = (step + 1) / min(20, max(1, self.steps // 10))
        return self.highest_rate * min(1.0, rise, 2 * (self.steps - step) / self.steps)


class FineTuneTrainer:
    """A model, what of it learns, and the optimizer; takes the model over.

    `smaller` is a size inside the model (MatFormer) that is to stay usable: it answers half of the tasks. Learning
    in full, it has to have all layers (ValueError).
    """

    def __init__(self, model: Gemma3n, plan: FineTunePlan, smaller: Size | None = None) -> None:
        self.model = model
        self._learns_all = plan.method == "full"
        if plan.method == "lora":
            adapt(model, plan.rank, plan.seed)
        else:
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(not name.startswith(_TABLE))
        learned = {name: value for name, value in model.named_parameters() if value.requires_grad}
        # The parameters themselves under names that a dictionary of them may have.
        self.learned = nn.ParameterDict({name.replace(".", "/"): value for name, value in learned.items()})
        self.parts: dict[str, nn.Module] = {"learned": self.learned}
        self.optimizer = state.optimizer_of(self.parts, plan.highest_rate, _WEIGHT_DECAY)
        self._answer_smaller = self._smaller_loss(plan.method, smaller)

    def train_step(self, batch: ClipBatch, rate: float) -> dict[str, float]:
        """Learn from a batch; gives the `loss` before."""
        device = self.model.device
        encoded = self.model.encode(batch.mel.to(device), batch.mask.to(device))
        whole = answer_loss(self.model, batch.whole.to(device), encoded)
        loss = (whole + self._answer_smaller(batch.nested.to(device), encoded)) / 2
        update_weights(loss, self.optimizer, rate, self.model if self._learns_all else None)
        return {"loss": float(loss.detach())}

    def weights(self) -> dict[str, Tensor]:
        """All that has been learned, copied."""
        return {name: value.detach().cpu().clone() for name, value in self.learned.items()}

    @torch.no_grad()
    def take(self, weights: dict[str, Tensor]) -> None:
        """Go back to what had been learned at another time."""
        for name, value in self.learned.items():
            value.copy_(weights[name])

    def finish(self) -> Gemma3n:
        """The model in its old shape; learns no more."""
        merge(self.model)
        return self.model.requires_grad_(False)

    def _smaller_loss(self, method: Method, size: Size | None) -> Callable[[Batch, Tensor], Tensor]:
        if size is None:
            return lambda batch, encoded: answer_loss(self.model, batch, encoded)
        if method == "full":
            return NestedModel(self.model, size).answer_loss
        view = submodel_of(self.model, size.of(self.model.config.text))
        return lambda batch, encoded: answer_loss(view, batch, encoded)
