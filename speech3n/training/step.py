"""The training step: clips and questions about them to a loss on the answers, gradients, and new weights.

One clip may be asked about many times in a batch. The encoder is causal, so that the first soft tokens of a clip
are those of its beginning: a question about a part of the clip costs no encoding of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.models.gemma3n.text import AltUp
from speech3n.training.nano.guided_attention import NOWHERE, Span

IGNORED = -100
"""The label of a position that is not part of an answer, as in transformers."""
_LARGEST_GRADIENT_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Example:
    """The first `soft_tokens` of clip number `clip` of a batch, a question about them, and the ids of the answer.

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
    looks: Tensor
    """[3, B, T]: as `Guidance` has it."""

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
    looks = torch.full((3, len(rows), length), -1)
    for index, (row, example) in enumerate(zip(rows, examples, strict=True)):
        ids[index, : len(row)] = torch.tensor(row)
        begin = len(row) - len(example.answer)
        labels[index, begin : len(row)] = torch.tensor(example.answer)
        for place, span in enumerate(example.spans, begin - 1):
            if span != NOWHERE:
                first, last = (len(example.prompt.prefix) + each for each in span)
                looks[:, index, place] = torch.tensor((first, last, example.slack))
    clips = torch.cat([torch.full((example.soft_tokens,), example.clip) for example in examples])
    places = torch.cat([torch.arange(example.soft_tokens) for example in examples])
    return Batch(ids, labels, clips, places, looks)


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


def training_step(
    model: Gemma3n, optimizer: torch.optim.Optimizer, mel: Tensor, mask: Tensor, batch: Batch
) -> tuple[float, float]:
    """Learn from one batch about clips `mel` [C, T, bins] with `mask` [C, T]; gives loss and gradient norm."""
    optimizer.zero_grad(set_to_none=True)
    loss = answer_loss(model, batch, model.encode(mel, mask))
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT_NORM)
    optimizer.step()
    clip_coefficients(model)
    return float(loss.detach()), float(norm)


def clip_coefficients(model: Gemma3n) -> None:
    """Keep AltUp's coefficients within their bounds, as the reference does whenever it trains."""
    for module in model.modules():
        if isinstance(module, AltUp):
            module.clip_coefficients()
