"""A steady stream of speech, as live captions with translation have to do with it.

Somebody speaks without a pause. Each second brings four tokens of transcript and four of translation, and once a
second the text is asked for. An utterance goes on for as long as captions let it, then the next one begins. The model
answers with the whole transcript and then the whole translation, so that what is new lies in two places: at
the end of the one, and at the end of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from speech3n.audio.endpoint import CAPTIONS
from speech3n.decoding.generate import Logits
from speech3n.models.gemma3n.incremental import CachedDecoder
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt

TOKENS_PER_S = 4
"""Of the transcript, and as many of the translation."""
UTTERANCE_S = round(CAPTIONS.max_utterance_s)
PROMPT = Prompt(tuple(range(900, 906)), tuple(range(910, 926)))
"""Tokens before and after the audio, as many as the real prompt for chain of thought has."""

_TRANSCRIPT, _TRANSLATION = 20_000, 120_000
_BEST = 40.0
_APART = 37
"""Ids of text are all different, and far apart in the tables that they are looked up in."""


@dataclass(frozen=True, slots=True)
class SteadyUpdate:
    """The update after so many seconds of an utterance, counted from one."""

    second: int

    @property
    def text(self) -> list[int]:
        """What there is to say: the transcript, then the translation."""
        count = TOKENS_PER_S * self.second
        return [*_ids(_TRANSCRIPT, count), *_ids(_TRANSLATION, count)]

    @property
    def draft(self) -> list[int]:
        """What was said a second ago."""
        return SteadyUpdate(self.second - 1).text if self.second > 1 else []

    @property
    def propose_first(self) -> int:
        """Tokens of the draft before the first new one: its transcript."""
        return len(self.draft) // 2


def utterance() -> list[SteadyUpdate]:
    """The updates of one utterance."""
    return [SteadyUpdate(second) for second in range(1, UTTERANCE_S + 1)]


class ForcedDecoder(CachedDecoder):
    """Random weights say nothing in particular: the logits are computed, and the given text made the best of them.

    `text` is what the answer is to be, `start` the position that its first token takes.
    """

    def __init__(self, model: Gemma3n, text: Sequence[int] = (), start: int = 0) -> None:
        super().__init__(model)
        self.text = text
        self.start = start

    def extend(self, ids: Sequence[int], read: int) -> Logits:
        """The logits [read, V], changed where they are looked at."""
        logits = super().extend(ids, read)
        first = self.length - read + 1 - self.start
        wanted = [self.text[place] if 0 <= place < len(self.text) else None for place in range(first, first + read)]
        return _Forced(logits, wanted)


class _Forced:
    """Logits of which the best of each row is the wanted token."""

    def __init__(self, logits: Logits, wanted: Sequence[int | None]) -> None:
        self._logits = logits
        self._wanted = wanted

    def __getitem__(self, rows: slice) -> Tensor:
        logits = self._logits[rows]
        for row, token in enumerate(self._wanted[rows]):
            if token is not None:
                # More than any: they are capped at 30.
                logits[row, token] = _BEST
        return logits


def _ids(first: int, count: int) -> list[int]:
    return [first + _APART * place for place in range(count)]
