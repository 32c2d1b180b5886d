"""Connectionist temporal classification on the encoder's frames (Graves et al. 2006): letters, every 40 ms.

It teaches the encoder to hear before there is a decoder worth listening to, and is thrown away after training.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.streaming import silence_padding
from speech3n.models.gemma3n.audio import AudioEncoder

_LETTERS = " 'abcdefghijklmnopqrstuvwxyzàâäáãèéêëìíîïòóôöõùúûüçñœæ"
BLANK = 0


def spell(text: str) -> list[int]:
    """The letters of a text, 1 to SYMBOLS - 1: small, without punctuation, single spaces."""
    plain = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    letters = "".join(letter if letter in _LETTERS else " " for letter in plain)
    return [_LETTERS.index(letter) + 1 for letter in " ".join(letters.split())]


def read_out(ids: Sequence[int]) -> str:
    """The text of the best symbol of each frame: runs are one letter, blanks none."""
    letters = [_LETTERS[now - 1] for before, now in zip([BLANK, *ids], ids, strict=False) if now not in (before, BLANK)]
    return " ".join("".join(letters).split())


SYMBOLS = len(_LETTERS) + 1


def encode_frames(tower: AudioEncoder, mel: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """All conformer frames [B, T / 4, C] of clips [B, T, bins], and their mask: soft tokens are every fourth."""
    x, frames_mask = tower.subsample_conv_projection(mel, mask)
    for block in tower.conformer:
        x, frames_mask = block(x, frames_mask)
    return silence_padding(x, frames_mask), frames_mask


class Speller(nn.Module):
    """Frames [B, T, C] to log-probabilities of symbols [B, T, SYMBOLS]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, SYMBOLS)

    def forward(self, frames: Tensor) -> Tensor:
        """In float32, because of the softmax."""
        return F.log_softmax(self.projection(frames).float(), -1)


def ctc_loss(log_probabilities: Tensor, mask: Tensor, targets: Sequence[Sequence[int]]) -> Tensor:
    """The mean loss for each letter of log-probabilities [B, T, SYMBOLS]; texts that don't fit count none."""
    lengths = torch.tensor([len(target) for target in targets])
    letters = [letter for target in targets for letter in target]
    flat = torch.tensor(letters, dtype=torch.long, device=log_probabilities.device)
    losses = F.ctc_loss(
        log_probabilities.transpose(0, 1), flat, mask.sum(1).cpu(), lengths, BLANK, "none", zero_infinity=True
    )
    return losses.sum() / lengths.sum().clamp_min(1)
