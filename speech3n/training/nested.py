"""The smaller model inside a model, in training: the same parameters, narrowed where they are used."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from speech3n.training.step import Batch, answer_loss


class _Loss(nn.Module):
    """The loss of a batch as a module, so that it can be called with other parameters."""

    def __init__(self, model: Gemma3n) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, encoded: Tensor | None) -> Tensor:
        return answer_loss(self.model, batch, encoded)


class NestedModel:
    """A submodel of a model whose gradients are those of the whole model's parameters.

    Only feed-forwards get narrower: a size that leaves out layers is refused (ValueError). It owns no numbers: its own
    parameters are shapes.
    """

    def __init__(self, model: Gemma3n, size: Size) -> None:
        self.size = size
        text = model.config.text
        sub = size.of(text)
        if len(sub.layers) != text.num_hidden_layers:
            raise ValueError(f"The size '{size.name}' leaves out layers.")
        self._whole = model
        with torch.device("meta"):
            self.model = Gemma3n(replace(model.config, text=sub.config(text)))
        self._loss = _Loss(self.model)
        self._shapes = {name: parameter.shape for name, parameter in self.model.named_parameters()}

    def answer_loss(self, batch: Batch, encoded: Tensor | None = None) -> Tensor:
        """As `step.answer_loss`, of the submodel; `encoded` is the same for all sizes."""
        parameters: dict[str, Tensor] = {}
        for name, parameter in self._whole.named_parameters():
            narrowed: Tensor = parameter
            for dimension, size in enumerate(self._shapes[name]):
                if narrowed.shape[dimension] != size:
                    narrowed = narrowed.narrow(dimension, 0, size)
            parameters[f"model.{name}"] = narrowed
        loss: Tensor = functional_call(self._loss, parameters, (batch, encoded))
        return loss
