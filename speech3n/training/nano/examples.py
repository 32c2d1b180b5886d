"""Nano's examples: one clip or sentence, or several one after another, as in speech that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from speech3n.training.nano.phonemes import Phonemes

_LONGEST_TOKENS = 75
"""Clips are joined up to here: 12 s."""
_MOST = 3
_LONGEST_PAUSE_TOKENS = 4
"""Between two, besides the silence that each has of its own."""


@dataclass(frozen=True, slots=True)
class SpeechExample:
    """What is said in `language`, and the signal of it: log-mel frames, or phonemes as CTC might read them.

    `translation` is None where it cannot be asked for. `signal` [T, ...] has `per_token` frames or symbols
    for each soft token, and `silence` what they are while nobody speaks. `places` is the soft token of each
    phoneme, right to within `slack`.
    """

    language: str
    text: str
    translation: str | None
    phonemes: Phonemes
    signal: Tensor
    per_token: int
    silence: float
    places: tuple[int, ...]
    slack: int

    @property
    def tokens(self) -> int:
        """Soft tokens that it takes."""
        return -(-len(self.signal) // self.per_token)

    def followed_by(self, other: SpeechExample, pause: int) -> SpeechExample:
        """This, a pause of so many soft tokens, and another of the same language and kind."""
        begin = self.tokens + pause
        signal = F.pad(self.signal, (0, 0, 0, begin * self.per_token - len(self.signal)), value=self.silence)
        places = [begin + place for place in other.places]
        translations = (self.translation, other.translation)
        between = self.places[-1:] if other.places else ()
        return replace(
            self,
            text=" ".join(filter(None, (self.text, other.text))),
            translation=None if None in translations else " ".join(filter(None, translations)),
            phonemes=self.phonemes.followed_by(other.phonemes),
            signal=torch.cat([signal, other.signal]),
            places=(*self.places, *between, *places),
        )


def join_examples(examples: Sequence[SpeechExample], random: np.random.Generator) -> list[SpeechExample]:
    """The same, those of each language joined by twos or threes as far as they are short enough."""
    rows: list[SpeechExample] = []
    by_language = sorted(examples, key=lambda example: example.language)
    most = int(random.integers(2, _MOST + 1))
    for _, alike in groupby(by_language, key=lambda example: example.language):
        count = most
        for example in alike:
            pause = int(random.integers(_LONGEST_PAUSE_TOKENS + 1))
            if count < most and rows[-1].tokens + pause + example.tokens <= _LONGEST_TOKENS:
                rows[-1] = rows[-1].followed_by(example, pause)
                count += 1
            else:
                rows.append(example)
                count = 1
    return rows
