"""One head of attention is told where to look: at the soft tokens that hold the letters to be written next.

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

from speech3n.models.gemma3n.text import Attention, TextDecoder
from speech3n.training.ctc import spell

NOWHERE = (-1, -1)
_HEAD = 0

Span = tuple[int, int]
"""The first and the last soft token to look at."""


def spans(text: str, offsets: Sequence[tuple[int, int]], places: Sequence[int], tokens: int, slack: int) -> list[Span]:
    """Where each piece of a transcript is to be read, NOWHERE for those after it.

    `offsets` are the characters of each piece, `places` the soft token of each letter that `spell` makes of the text,
    `tokens` how many soft tokens there are; `slack` widens the spans on both sides.
    """
    found: list[Span] = []
    for begin, end in offsets:
        first, last = len(spell(text[:begin])), len(spell(text[:end])) - 1
        if end > len(text) or not places or first >= len(places):
            found.append(NOWHERE)
        else:
            low, high = places[first], places[max(first, min(last, len(places) - 1))]
            found.append((max(0, low - slack), min(tokens - 1, high + slack)))
    return found


class Guidance:
    """The loss of the watched head, for as long as it is watched."""

    def __init__(self, first: Tensor, last: Tensor) -> None:
        self._first = first
        self._last = last
        self.losses: list[Tensor] = []

    def __call__(self, attention: Attention, given: tuple[Any, ...]) -> None:
        """Before the attention of a layer: `first` and `last` [B, T] are positions to look at, or below zero."""
        x, positions, keys, _ = given
        queries = attention.queries(x, positions)
        rows, places = (self._first >= 0).nonzero(as_tuple=True)
        if not len(rows):
            return
        logits = torch.einsum("nd,ntd->nt", queries[rows, places, _HEAD], keys[rows, 0]).float()
        place = torch.arange(logits.shape[1], device=logits.device)
        logits = logits.masked_fill(place > places[:, None], -torch.inf)
        is_right = (place >= self._first[rows, places, None]) & (place <= self._last[rows, places, None])
        right = logits.masked_fill(~is_right, -torch.inf).logsumexp(1)
        self.losses.append((logits.logsumexp(1) - right).mean())

    @contextmanager
    def watch(self, decoder: TextDecoder) -> Iterator[None]:
        """Meanwhile, a head of a decoder is judged: as high as all positions have queries and keys of their own."""
        handle = decoder.attention(decoder.config.first_shared_layer - 2).register_forward_pre_hook(self)
        try:
            yield
        finally:
            handle.remove()
