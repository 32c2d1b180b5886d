"""Connectionist temporal classification on the encoder's frames (Graves et al. 2006): phonemes, every 40 ms.

It trains the encoder before there is a decoder that could, and is thrown away after training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.streaming import silence_padding
from speech3n.models.gemma3n.audio import AudioEncoder
from speech3n.training.nano.phonemes import BLANK, SYMBOLS

_SUBSAMPLED = 4
"""Mel frames for each frame of the encoder."""
_LAG_FRAMES = 10


def spread(phonemes: Sequence[int], speech: tuple[int, int], frames: int) -> Tensor:
    """A symbol for each frame of the encoder of a clip of mel frames, if all phonemes take the same time.

    Each is repeated until the next: `even_frames` says where they begin.
    """
    symbols = torch.full((-(-frames // _SUBSAMPLED),), BLANK)
    begins = [-(-frame // _SUBSAMPLED) for frame in even_frames(len(phonemes) + 1, speech)] if phonemes else []
    for phoneme, begin, end in zip(phonemes, begins, begins[1:], strict=False):
        symbols[begin:end] = phoneme
    return symbols


def even_frames(count: int, speech: tuple[int, int]) -> list[int]:
    """The mel frames at which so many phonemes begin to be known, the last one at the end of speech."""
    first, last = speech
    step = (last - first) / max(1, count - 1)
    return [round(first + index * step) + _LAG_FRAMES for index in range(count)]


def encode_frames(tower: AudioEncoder, mel: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """All conformer frames [B, T / 4, C] of clips [B, T, bins], and their mask: soft tokens are every fourth."""
    x, frames_mask = tower.subsample_conv_projection(mel, mask)
    for block in tower.conformer:
        x, frames_mask = block(x, frames_mask)
    return silence_padding(x, frames_mask), frames_mask


class PhonemeTargets(Protocol):
    """The phonemes of a batch's clips."""

    @property
    def phonemes(self) -> list[tuple[int, ...]]:
        """For CTC."""

    @property
    def spread(self) -> Tensor:
        """[B, T]: as `spread` has them."""


class CTCHead(nn.Module):
    """Phonemes of conformer frames [B, T, C], read twice: from each frame, and from the soft tokens alone.

    A soft token is every `reduction`-th frame, and all that the decoder is given. It is read as `reduction` symbols, so
    that the phonemes of the frames between, which are dropped, go into it.
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self._reduction = reduction
        self.of_frame = nn.Linear(width, SYMBOLS)
        self.of_token = nn.Linear(width, reduction * SYMBOLS)

    def forward(self, frames: Tensor) -> Tensor:
        """Log-probabilities [B, T, SYMBOLS], in float32 because of the softmax."""
        return F.log_softmax(self.of_frame(frames).float(), -1)

    def read_tokens(self, frames: Tensor) -> Tensor:
        """Log-probabilities [B, soft tokens x reduction, SYMBOLS], from each soft token as many as frames it is for."""
        logits = self.of_token(frames[:, :: self._reduction])
        return F.log_softmax(logits.float().unflatten(-1, (self._reduction, SYMBOLS)).flatten(1, 2), -1)

    def losses(self, frames: Tensor, mask: Tensor, batch: PhonemeTargets) -> dict[str, Tensor]:
        """`ctc_loss` of frames and of soft tokens, and both's mean cross-entropy with the evenly spread phonemes."""
        tokens_mask = mask[:, :: self._reduction].repeat_interleave(self._reduction, 1)
        read, read_tokens = self(frames), self.read_tokens(frames)
        spread = batch.spread.to(frames.device)
        even = [F.nll_loss(each[:, : spread.shape[1]][mask], spread[mask]) for each in (read, read_tokens)]
        return {
            "ctc": ctc_loss(read, mask, batch.phonemes),
            "ctc_tokens": ctc_loss(read_tokens, tokens_mask, batch.phonemes),
            "even": torch.stack(even).mean(),
        }


def ctc_loss(log_probabilities: Tensor, mask: Tensor, targets: Sequence[Sequence[int]]) -> Tensor:
    """The mean loss for each symbol of log-probabilities [B, T, SYMBOLS]; texts that don't fit count none."""
    lengths = torch.tensor([len(target) for target in targets])
    symbols = [symbol for target in targets for symbol in target]
    flat = torch.tensor(symbols, dtype=torch.long, device=log_probabilities.device)
    losses = F.ctc_loss(
        log_probabilities.transpose(0, 1), flat, mask.sum(1).cpu(), lengths, BLANK, "none", zero_infinity=True
    )
    return losses.sum() / lengths.sum().clamp_min(1)
