"""Greedy decoding that begins with a guess and checks it in one pass, instead of token by token.

While someone speaks, the newest text is nearly that of a second ago. The last text is therefore run through the
model as a guess, kept up to the first token that the model would not have chosen, and decoded from there. After a
change, what followed in the old text is offered again as soon as the new text meets it. The result is that of
decoding from scratch: a guess is never believed, only checked (speculative decoding, Leviathan et al. 2023, with
the draft of Saxena's prompt lookup).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_ROWS_AT_ONCE = 16
_MEETING_TOKENS = 2
"""Tokens in which new text must agree with old text to be taken for it again."""
_SURE_TOKENS = 4
"""Tokens that must be right after such a meeting before what the guess has before it is forgotten."""
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
    guess: Sequence[int] = (),
    *,
    stop: Collection[int],
    limit: int,
    first: int | None = None,
) -> Generated:
    """The greedy continuation of `prompt` after what the cache holds, at most `limit` tokens, without the stop token.

    `guess` changes how long it takes, never what comes out; of it, `first` tokens are offered at once (all where it is
    None) and the others where the text meets them, which saves checking what a change before it moves. Truncate the
    cache afterwards: it holds the prompt and a part of the continuation.
    """
    tokens: list[int] = []
    logprobs: list[float] = []
    pending, proposal = list(prompt), list(guess[:first])
    passes = met = compared = 0
    while True:
        start = decoder.length + len(pending)
        choices, best = _choose(decoder.extend([*pending, *proposal], len(proposal) + 1), proposal)
        passes += 1
        kept = 0
        while kept < len(proposal) and choices[kept] == proposal[kept]:
            kept += 1
        for token, logprob in zip(choices[: kept + 1], best[: kept + 1], strict=True):
            if token in stop or len(tokens) == limit or is_loop(tokens):
                return Generated(tuple(tokens), tuple(logprobs), token in stop, passes)
            tokens.append(token)
            logprobs.append(logprob)
        decoder.truncate(start + kept)
        pending = [tokens[-1]]
        # A meeting that soon led astray may have been a coincidence; the true one may come before it in the guess.
        if kept >= _SURE_TOKENS:
            # Where all that was offered is right, the text may go on with what was not.
            compared = met + kept - (kept == len(proposal))
        met = _where_met(guess, tokens, compared)
        proposal = list(guess[met:])


def _choose(logits: Logits, proposal: Sequence[int]) -> tuple[list[int], list[float]]:
    """The best token at each position and its log probability, up to the first that is not the proposed one.

    A vocabulary is large: the rows of a rejected guess are not even computed, and no more than a few are in memory.
    """
    choices: list[int] = []
    logprobs: list[float] = []
    for first in range(0, len(proposal) + 1, _ROWS_AT_ONCE):
        rows = logits[first : min(first + _ROWS_AT_ONCE, len(proposal) + 1)].to(torch.float, copy=True)
        best, chosen = rows.max(-1, keepdim=True)
        # In place: memory that is new to a process takes longer to get than to compute with.
        logprobs += (-rows.sub_(best).exp_().sum(-1).log_()).tolist()
        choices += chosen.flatten().tolist()
        if choices[first:] != list(proposal[first : len(choices)]):
            break
    return choices, logprobs


def _where_met(guess: Sequence[int], tokens: Sequence[int], start: int) -> int:
    """The index of what follows, in `guess` from `start` on, the newest of `tokens`; its length where nothing does."""
    newest = list(tokens[-_MEETING_TOKENS:])
    for end in range(start + _MEETING_TOKENS, len(guess)):
        if list(guess[end - _MEETING_TOKENS : end]) == newest:
            return end
    return len(guess)


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether the end of `tokens` repeats itself so often that it can't be speech."""
    for period in range(1, _LONGEST_PERIOD + 1):
        span = max(_LOOP_REPEATS * period, _SHORTEST_LOOP)
        if len(tokens) >= span and all(
            tokens[-place] == tokens[-place - period] for place in range(1, span - period + 1)
        ):
            return True
    return False
