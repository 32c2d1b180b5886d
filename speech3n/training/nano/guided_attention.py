"""Guided attention: two heads are told to look at the soft tokens that hold the phonemes to be written next.

A decoder that has to find out by itself that it can copy takes thousands of steps before it begins to (guided
attention, Tachibana et al. 2018, arXiv:1710.08969, is for the same). All other heads are free, and inference knows
nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from speech3n.models.gemma3n.text import TextDecoder
from speech3n.models.gemma3n.text_layers import Attention
from speech3n.training.nano.phonemes import Phonemes
from speech3n.training.step import NOWHERE, Span

_HEADS = (0, 1)
"""One looks for the first phoneme of a piece, one for the last, because a mixture of both has no order."""


def spans(phonemes: Phonemes, offsets: Sequence[tuple[int, int]], places: Sequence[int]) -> list[Span]:
    """Where each piece of a transcript with these phonemes is to be read, NOWHERE for those after it.

    `offsets` are the characters of each piece, `places` the soft token of each phoneme.
    """
    before = phonemes.before
    found: list[Span] = []
    for begin, end in offsets:
        if end >= len(before) or not places:
            found.append(NOWHERE)
            continue
        first, last = before[begin], before[end] - 1
        if first >= len(places):
            found.append(NOWHERE)
        else:
            found.append((places[first], places[max(first, min(last, len(places) - 1))]))
    return found


class GuidedAttention:
    """The losses of the watched heads, for as long as they are watched.

    `targets` [3, B, T] are `Batch.attention_targets`.
    """

    def __init__(self, targets: Tensor) -> None:
        self._targets = targets
        self.losses: list[Tensor] = []

    def __call__(self, attention: Attention, given: tuple[Any, ...]) -> None:
        """Before the attention of a layer."""
        x, positions, keys, _ = given
        rows, places = (self._targets[0] >= 0).nonzero(as_tuple=True)
        if not len(rows):
            return
        queries = attention.queries(x, positions)[rows, places][:, _HEADS]
        logits = torch.einsum("nhd,ntd->nht", queries, keys[rows, 0]).float()
        place = torch.arange(logits.shape[2], device=logits.device)
        logits = logits.masked_fill(place > places[:, None, None], -torch.inf)
        wanted, near = self._targets[:2, rows, places].T, self._targets[2, rows, places]
        is_right = (place - wanted[..., None]).abs() <= near[:, None, None]
        right = logits.masked_fill(~is_right, -torch.inf).logsumexp(2)
        self.losses.append((logits.logsumexp(2) - right).mean())

    @contextmanager
    def watch(self, decoder: TextDecoder) -> Iterator[None]:
        """Meanwhile, a head of a decoder is judged: as high as all positions have queries and keys of their own."""
        handle = decoder.attention(decoder.config.first_shared_layer - 2).register_forward_pre_hook(self)
        try:
            yield
        finally:
            handle.remove()
