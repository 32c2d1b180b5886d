"""Phonemes in place of audio: the decoder learns to read them as it will read what the encoder makes of speech.

Text costs no encoding and there is much more of it than of speech. What it is turned into resembles what CTC reads from
soft tokens: a few phonemes and blanks for each 160 ms, at the pace of speech, with some errors (as in JOIST, Sainath et
al. 2022, arXiv:2210.07353). Thrown away after training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.training.nano.phonemes import BLANK, SYMBOLS

_PHONES_A_SECOND = (9.0, 18.0)
_FRAMES_A_SECOND = 25
_LONGEST_PAUSE_S = 0.8
"""Before the first and after the last phoneme."""
_WRONG, _MISSING = 0.07, 0.05
"""How often a phoneme of somebody who can hardly be understood is another one, or none."""


@dataclass(frozen=True, slots=True)
class SimulatedCTC:
    """Phonemes as CTC might read them from somebody who says them."""

    symbols: Tensor
    """[soft tokens, reduction]"""
    places: list[int]
    """The soft token of each phoneme, those that got lost included."""


def simulate_ctc(phonemes: Sequence[int], reduction: int, random: np.random.Generator) -> SimulatedCTC:
    """Draw how fast phonemes are said, and which CTC would take for another or miss."""
    said = np.array(phonemes, np.int64)
    frames = _FRAMES_A_SECOND / random.uniform(*_PHONES_A_SECOND)
    before, after = (_FRAMES_A_SECOND * random.uniform(0, _LONGEST_PAUSE_S) for _ in range(2))
    lengths = np.maximum(1, frames * random.uniform(0.5, 1.5, len(phonemes)))
    places = (before + np.cumsum(lengths)).astype(np.int64)
    end = int(before + lengths.sum() + after) + 1
    symbols = np.full(-(-end // reduction) * reduction, BLANK)
    unclear = random.random()
    wrong, missing = random.random((2, len(phonemes)))
    recognised = np.where(wrong < unclear * _WRONG, random.integers(1, SYMBOLS, len(phonemes)), said)
    symbols[places] = np.where(missing < unclear * _MISSING, BLANK, recognised)
    return SimulatedCTC(torch.from_numpy(symbols).view(-1, reduction), (places // reduction).tolist())


class PhonemeEmbedding(nn.Module):
    """Symbols [B, T, reduction] of soft tokens to what stands for these in the decoder's space, [B, T, D]."""

    def __init__(self, reduction: int, width: int, eps: float) -> None:
        super().__init__()
        self._eps = eps
        self.table = nn.Parameter(torch.randn(reduction * SYMBOLS, width) / reduction**0.5)

    def forward(self, symbols: Tensor) -> Tensor:
        """Of the size that the encoder's soft tokens have: the last thing done to both is to norm them."""
        places = symbols + SYMBOLS * torch.arange(symbols.shape[-1], device=symbols.device)
        embedded = F.embedding(places, self.table).sum(-2)
        return F.rms_norm(embedded, embedded.shape[-1:], eps=self._eps)

    def expected(self, log_probabilities: Tensor) -> Tensor:
        """Before the norm, [..., D]: the mean of what CTC holds possible, log-probabilities [..., reduction, S]."""
        return log_probabilities.exp().flatten(-2) @ self.table
