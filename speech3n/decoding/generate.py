"""Greedy decoding that verifies draft tokens in one pass, instead of choosing token by token.

While someone speaks, the newest text is nearly that of a second ago. The last text is therefore run through the
model as draft tokens, accepted up to the first that the model would not have chosen, and decoded from there. After a
change, what followed in the draft is proposed again as soon as the new text matches it. The result is that of
decoding from scratch: draft tokens are never believed, only verified (speculative decoding, Leviathan et al. 2023,
with drafts as in Saxena's prompt lookup).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_ROWS_AT_ONCE = 16
_MATCH_TOKENS = 2
"""Tokens in which new text must agree with the draft for what follows there to be proposed again."""
_SURE_TOKENS = 4
"""Tokens that must be accepted after such a match before what the draft has before it is forgotten."""
_LONGEST_PERIOD = 12
_LOOP_REPEATS = 5
_SHORTEST_LOOP = 10
"""A run of tokens that repeats this often, over at least so many tokens, will not end by itself."""


class Logits(Protocol):
    """The logits [read, V] of some positions; a tensor, or what computes rows when they are asked for."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some of the rows."""


class Decoder(Protocol):
    """What greedy search needs of a model and its cache."""

    @property
    def length(self) -> int:
        """Positions in the cache."""

    def extend(self, ids: Sequence[int], read: int) -> Logits:
        """Append ids and return the logits [read, V] of the last `read` of them, valid until the next call."""

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The chosen tokens with their log probabilities; `is_complete` where the model itself ended the text."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    is_complete: bool = False
    passes: int = 0
    """How often the model ran."""


def generate(
    decoder: Decoder,
    prompt: Sequence[int],
    draft: Sequence[int] = (),
    *,
    stop: Collection[int],
    limit: int,
    propose_first: int | None = None,
) -> Generated:
    """The greedy continuation of `prompt` after what the cache holds, at most `limit` tokens, without the stop token.

    `draft` changes how long it takes, never what comes out. Of its tokens, the first `propose_first` are proposed at
    once (all where it is None) and the others where the text matches them, which saves verifying what a change before
    them moves. Truncate the cache afterwards: it holds the prompt and a part of the continuation.
    """
    tokens: list[int] = []
    logprobs: list[float] = []
    pending, proposed = list(prompt), list(draft[:propose_first])
    passes = matched = compared = 0
    while True:
        start = decoder.length + len(pending)
        choices, best = _choose(decoder.extend([*pending, *proposed], len(proposed) + 1), proposed)
        passes += 1
        accepted = 0
        while accepted < len(proposed) and choices[accepted] == proposed[accepted]:
            accepted += 1
        for token, logprob in zip(choices[: accepted + 1], best[: accepted + 1], strict=True):
            if token in stop or len(tokens) == limit or is_loop(tokens):
                return Generated(tuple(tokens), tuple(logprobs), token in stop, passes)
            tokens.append(token)
            logprobs.append(logprob)
        decoder.truncate(start + accepted)
        pending = [tokens[-1]]
        # A match that soon led astray may have been a coincidence; the true one may come before it in the draft.
        if accepted >= _SURE_TOKENS:
            # Where all that was proposed is accepted, the text may go on with what was not.
            compared = matched + accepted - (accepted == len(proposed))
        matched = _end_of_match(draft, tokens, compared)
        proposed = list(draft[matched:])


def _choose(logits: Logits, proposed: Sequence[int]) -> tuple[list[int], list[float]]:
    """The best token at each position and its log probability, up to the first that is not the proposed one.

    A vocabulary is large: the rows of rejected tokens are not even computed, and no more than a few are in memory.
    """
    choices: list[int] = []
    logprobs: list[float] = []
    for first in range(0, len(proposed) + 1, _ROWS_AT_ONCE):
        rows = logits[first : min(first + _ROWS_AT_ONCE, len(proposed) + 1)].to(torch.float, copy=True)
        best, chosen = rows.max(-1, keepdim=True)
        # In place: memory that is new to a process takes longer to get than to compute with.
        logprobs += (-rows.sub_(best).exp_().sum(-1).log_()).tolist()
        choices += chosen.flatten().tolist()
        if choices[first:] != list(proposed[first : len(choices)]):
            break
    return choices, logprobs


def _end_of_match(draft: Sequence[int], tokens: Sequence[int], start: int) -> int:
    """The index of what follows, in `draft` from `start` on, the newest of `tokens`; its length where nothing does."""
    newest = list(tokens[-_MATCH_TOKENS:])
    for end in range(start + _MATCH_TOKENS, len(draft)):
        if list(draft[end - _MATCH_TOKENS : end]) == newest:
            return end
    return len(draft)


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether the end of `tokens` repeats itself so often that it can't be speech."""
    for period in range(1, _LONGEST_PERIOD + 1):
        span = max(_LOOP_REPEATS * period, _SHORTEST_LOOP)
        if len(tokens) >= span and all(
            tokens[-place] == tokens[-place - period] for place in range(1, span - period + 1)
        ):
            return True
    return False
