"""The training step: clips and tasks on them to a loss on the answers, gradients, and new weights.

A batch may hold many tasks on one clip. The encoder is causal, so that the first soft tokens of a clip are those of
its beginning: a task on a part of the clip costs no encoding of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.models.gemma3n.text_layers import AltUp

IGNORED = -100
"""The label of a position that is not part of an answer, as in transformers."""
_LARGEST_GRADIENT_NORM = 1.0

Span = tuple[int, int]
"""The first and the last soft token that hold a piece of an answer."""
NOWHERE: Span = (-1, -1)
"""The span of a piece of an answer that no soft token holds."""


@dataclass(frozen=True, slots=True)
class Example:
    """The first `soft_tokens` of clip number `clip` of a batch, a task on them, and the ids of the answer.

    The answer ends with the token that ends a turn.
    """

    clip: int
    soft_tokens: int
    prompt: Prompt
    answer: tuple[int, ...]
    spans: tuple[Span, ...] = ()
    """For each token of the answer the soft tokens that hold it, or NOWHERE; none for an answer without guidance."""
    slack: int = 0
    """So many soft tokens `spans` may be off."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors, padded on the right: the decoder is causal, so that no answer ever sees the padding."""

    ids: Tensor
    """[B, T]"""
    labels: Tensor
    """[B, T]: the ids of answers, and IGNORED."""
    clips: Tensor
    """[soft tokens of all examples]: which clip each belongs to."""
    places: Tensor
    """Likewise, its place in the clip."""
    attention_targets: Tensor
    """[3, B, T]: where guided heads of attention should look at each position, below zero for nowhere: at the position
    of the first phoneme of what comes next, at that of the last one, and how many positions off is near enough."""

    def soft_tokens(self, encoded: Tensor) -> Tensor:
        """Those of encoded clips [C, T, D] that the examples ask for, one after the other, [..., D]."""
        return encoded[self.clips, self.places]

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def collate(examples: Sequence[Example], audio_token_id: int, padding: int) -> Batch:
    """Lay examples side by side; `padding` is any id of the text vocabulary."""
    rows = [
        [*example.prompt.prefix, *[audio_token_id] * example.soft_tokens, *example.prompt.suffix, *example.answer]
        for example in examples
    ]
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), padding)
    labels = torch.full((len(rows), length), IGNORED)
    attention_targets = torch.full((3, len(rows), length), -1)
    for index, (row, example) in enumerate(zip(rows, examples, strict=True)):
        ids[index, : len(row)] = torch.tensor(row)
        begin = len(row) - len(example.answer)
        labels[index, begin : len(row)] = torch.tensor(example.answer)
        for place, span in enumerate(example.spans, begin - 1):
            if span != NOWHERE:
                first, last = (len(example.prompt.prefix) + each for each in span)
                attention_targets[:, index, place] = torch.tensor((first, last, example.slack))
    clips = torch.cat([torch.full((example.soft_tokens,), example.clip) for example in examples])
    places = torch.cat([torch.arange(example.soft_tokens) for example in examples])
    return Batch(ids, labels, clips, places, attention_targets)


def answer_loss(model: Gemma3n, batch: Batch, encoded: Tensor | None = None) -> Tensor:
    """The mean cross-entropy of the answers' tokens, given encoded clips [C, T, D] (`Gemma3n.encode`).

    Logits are computed for these positions alone: those of a vocabulary of 262,400 take more memory than all else.
    What stands before the first answer goes no further than the keys and values of the last layer with its own.
    """
    soft_tokens = batch.soft_tokens(encoded) if encoded is not None else None
    embedded = model.embed(batch.ids, soft_tokens)
    wanted = batch.labels[:, 1:]
    is_answer = wanted != IGNORED
    first = int(is_answer.any(0).nonzero()[0])
    read = batch.ids.shape[1] - first
    hidden = model.language_model(embedded, model.language_model.embed_per_layer(batch.ids), read=read)
    logits = model.language_model.logits(hidden[:, :-1][is_answer[:, first:]])
    return F.cross_entropy(logits.float(), wanted[is_answer])


def update_weights(
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    rate: float,
    coefficients_of: nn.Module | None,
) -> float:
    """Take a step against the gradient of a loss, clipped to a norm of one; gives the norm before clipping.

    A gradient that is not finite changes nothing. AltUp's coefficients in `coefficients_of` are kept within bounds.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = []
    for group in optimizer.param_groups:
        group["lr"] = rate
        parameters += group["params"]
    norm = nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT_NORM)
    if torch.isfinite(norm):
        optimizer.step()
        if coefficients_of is not None:
            clip_coefficients(coefficients_of)
    return float(norm)


def clip_coefficients(model: nn.Module) -> None:
    """Keep AltUp's coefficients within their bounds, as the reference does whenever it trains."""
    for module in model.modules():
        if isinstance(module, AltUp):
            module.clip_coefficients()
