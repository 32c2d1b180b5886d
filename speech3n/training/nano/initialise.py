"""What a run of nano begins with: parts of other runs, fitted to each other, or a finished checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from speech3n.errors import UsageError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.quantisation import dequantise
from speech3n.training import state
from speech3n.training.data.sampler import Position
from speech3n.training.nano.batches import NanoBatch, NanoBatches
from speech3n.training.nano.ctc import encode_frames
from speech3n.training.nano.trainer import NanoTrainer

_FITTED_BATCHES = 40
"""For the least squares."""
_CTC_BATCHES, _READ_BATCHES = 100, 60
_RATE = 1e-2
_RIDGE = 1.0
"""Against large weights for phonemes that hardly occur."""


def begin_with(trainer: NanoTrainer, batches: NanoBatches, folders: Sequence[Path]) -> None:
    """Take the weights in some folders, the later ones over the earlier.

    Runs bring what they trained. A checkpoint brings the model alone: what training has beside it, and throws away
    at the end, is learned anew. Raises StorageError, ModelError and UsageError.
    """
    runs = [folder for folder in folders if state.is_run(folder)]
    for folder in folders:
        if folder in runs:
            state.begin_with(folder, trainer.parts)
        elif trainer.stage == "both":
            _take_checkpoint(trainer, folder)
            fit_ctc_head(trainer, batches)
            fit_phoneme_embedding(trainer, batches)
        else:
            raise UsageError(f"'{folder}' holds no run of training.", "A checkpoint is trained with --stage both.")
    if runs and trainer.stage == "both":
        fit_bridge(trainer, batches)


def _take_checkpoint(trainer: NanoTrainer, folder: Path) -> None:
    model = checkpoint.load(folder)
    dequantise(model)
    try:
        trainer.model.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise state.unusable(folder, error) from error


def fit_ctc_head(trainer: NanoTrainer, batches: NanoBatches, count: int = _CTC_BATCHES) -> None:
    """Fit the CTC head to an encoder that stays as it is."""
    optimizer = torch.optim.Adam(trainer.ctc_head.parameters(), _RATE)
    for number, (batch, frames, mask) in enumerate(_encoded(trainer, batches, count)):
        losses = trainer.ctc_head.losses(frames, mask, batch)
        _step(optimizer, losses["ctc"] + losses["ctc_tokens"], 1 - number / count)


def fit_phoneme_embedding(trainer: NanoTrainer, batches: NanoBatches, count: int = _READ_BATCHES) -> None:
    """Fit the embedding of phonemes to a decoder that knows soft tokens alone, and stays as it is.

    First as the soft tokens from which CTC reads them, by least squares, then by what the decoder makes of it.
    """
    soft_tokens: list[Tensor] = []
    probabilities: list[Tensor] = []
    with torch.no_grad():
        for _, frames, mask in _encoded(trainer, batches, _FITTED_BATCHES):
            tokens, symbols = _tokens(trainer, frames, mask)
            soft_tokens.append(trainer.model.embed_audio(tokens))
            probabilities.append(symbols.exp().flatten(-2))
        read = torch.cat(probabilities)
        square = read.T @ read + _RIDGE * torch.eye(read.shape[1], device=read.device)
        trainer.phoneme_embedding.table.copy_(torch.linalg.solve(square, read.T @ torch.cat(soft_tokens)))
    optimizer = torch.optim.Adam(trainer.phoneme_embedding.parameters(), _RATE)
    position = Position(0, 0)
    for number in range(count):
        batch, position = batches.at(position)
        losses = trainer.losses(batch)
        _step(optimizer, losses["whole"] + losses["nested"], 1 - number / count)


@torch.no_grad()
def fit_bridge(trainer: NanoTrainer, batches: NanoBatches) -> None:
    """Project soft tokens to where the decoder has learned to read the phonemes that CTC reads from them.

    The least squares over a few batches: an encoder and a decoder that were trained apart fit each other at once.
    """
    embedder = trainer.model.embed_audio
    encoded: list[Tensor] = []
    targets: list[Tensor] = []
    for _, frames, mask in _encoded(trainer, batches, _FITTED_BATCHES):
        tokens, symbols = _tokens(trainer, frames, mask)
        encoded.append(embedder.soft_embedding_norm(tokens).float())
        targets.append(trainer.phoneme_embedding.expected(symbols))
    projection = torch.linalg.lstsq(torch.cat(encoded), torch.cat(targets)).solution
    embedder.embedding_projection.weight.copy_(projection.T)


def _encoded(trainer: NanoTrainer, batches: NanoBatches, count: int) -> Iterator[tuple[NanoBatch, Tensor, Tensor]]:
    """The first batches, with the frames [B, T, C] and their mask that the encoder makes of them."""
    model, position = trainer.model, Position(0, 0)
    for _ in range(count):
        batch, position = batches.at(position)
        with torch.no_grad():
            frames, mask = encode_frames(model.audio_tower, batch.mel.to(model.device), batch.mask.to(model.device))
        yield batch, frames, mask


def _tokens(trainer: NanoTrainer, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The soft tokens [N, C] of frames, without padding, and what CTC reads from each, [N, reduction, SYMBOLS]."""
    reduction = trainer.model.config.audio.conf_reduction_factor
    mask = mask[:, ::reduction]
    symbols = trainer.ctc_head.read_tokens(frames)
    return frames[:, ::reduction][mask], symbols.view(*mask.shape, reduction, -1)[mask]


def _step(optimizer: torch.optim.Optimizer, loss: Tensor, share: float) -> None:
    """One of the optimizer's parameters, at a share of its rate; nobody else's gradients are computed."""
    for group in optimizer.param_groups:
        group["lr"] = share * _RATE
        for parameter, gradient in zip(group["params"], torch.autograd.grad(loss, group["params"]), strict=True):
            parameter.grad = gradient
    optimizer.step()
