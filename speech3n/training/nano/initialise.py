"""What a run begins with: parts of other runs that learn to understand each other, or a finished checkpoint."""

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
from speech3n.training.nano.batches import Lesson, Lessons
from speech3n.training.nano.ctc import encode_frames
from speech3n.training.nano.trainer import Trainee

_FITTED_LESSONS = 40
"""For the least squares."""
_SPELLED_LESSONS, _READ_LESSONS = 100, 60
_RATE = 1e-2
_RIDGE = 1.0
"""Against large weights for phonemes that hardly occur."""


def begin_with(trainee: Trainee, lessons: Lessons, folders: Sequence[Path]) -> None:
    """Take the weights in some folders, the later ones over the earlier.

    Runs bring what they trained. A checkpoint brings the model alone: what training has beside it, and throws away
    at the end, is learned anew. Raises StorageError, ModelError and UsageError.
    """
    runs = [folder for folder in folders if state.is_run(folder)]
    for folder in folders:
        if folder in runs:
            state.begin_with(folder, trainee.parts)
        elif trainee.stage == "both":
            _take_checkpoint(trainee, folder)
            fit_speller(trainee, lessons)
            fit_script(trainee, lessons)
        else:
            raise UsageError(f"'{folder}' holds no run of training.", "A checkpoint is trained with --stage both.")
    if runs and trainee.stage == "both":
        fit_bridge(trainee, lessons)


def _take_checkpoint(trainee: Trainee, folder: Path) -> None:
    model = checkpoint.load(folder)
    dequantise(model)
    try:
        trainee.model.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise state.unusable(folder, error) from error


def fit_speller(trainee: Trainee, lessons: Lessons, count: int = _SPELLED_LESSONS) -> None:
    """Learn to spell by CTC what an encoder hears that stays as it is."""
    optimizer = torch.optim.Adam(trainee.speller.parameters(), _RATE)
    for number, (lesson, frames, mask) in enumerate(_heard(trainee, lessons, count)):
        losses = trainee.speller.losses(frames, mask, lesson)
        _step(optimizer, losses["ctc"] + losses["ctc_tokens"], 1 - number / count)


def fit_script(trainee: Trainee, lessons: Lessons, count: int = _READ_LESSONS) -> None:
    """Write phonemes so that a decoder reads them that knows soft tokens alone, and stays as it is.

    First as the soft tokens from which CTC reads them, by least squares, then by what the decoder makes of it.
    """
    heard: list[Tensor] = []
    read: list[Tensor] = []
    with torch.no_grad():
        for _, frames, mask in _heard(trainee, lessons, _FITTED_LESSONS):
            tokens, symbols = _tokens(trainee, frames, mask)
            heard.append(trainee.model.embed_audio(tokens))
            read.append(symbols.exp().flatten(-2))
        written = torch.cat(read)
        square = written.T @ written + _RIDGE * torch.eye(written.shape[1], device=written.device)
        trainee.script.table.copy_(torch.linalg.solve(square, written.T @ torch.cat(heard)))
    optimizer = torch.optim.Adam(trainee.script.parameters(), _RATE)
    position = Position(0, 0)
    for number in range(count):
        lesson, position = lessons.at(position)
        losses = trainee.losses(lesson)
        _step(optimizer, losses["whole"] + losses["nested"], 1 - number / count)


@torch.no_grad()
def fit_bridge(trainee: Trainee, lessons: Lessons) -> None:
    """Project soft tokens to where the decoder has learned to read the phonemes that CTC reads from them.

    The least squares over a few lessons: an encoder and a decoder that were taught apart understand each other at once.
    """
    embedder = trainee.model.embed_audio
    heard: list[Tensor] = []
    read: list[Tensor] = []
    for _, frames, mask in _heard(trainee, lessons, _FITTED_LESSONS):
        tokens, symbols = _tokens(trainee, frames, mask)
        heard.append(embedder.soft_embedding_norm(tokens).float())
        read.append(trainee.script.expected(symbols))
    projection = torch.linalg.lstsq(torch.cat(heard), torch.cat(read)).solution
    embedder.embedding_projection.weight.copy_(projection.T)


def _heard(trainee: Trainee, lessons: Lessons, count: int) -> Iterator[tuple[Lesson, Tensor, Tensor]]:
    """The first lessons, with the frames [B, T, C] and their mask that the encoder makes of them."""
    model, position = trainee.model, Position(0, 0)
    for _ in range(count):
        lesson, position = lessons.at(position)
        with torch.no_grad():
            frames, mask = encode_frames(model.audio_tower, lesson.mel.to(model.device), lesson.mask.to(model.device))
        yield lesson, frames, mask


def _tokens(trainee: Trainee, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The soft tokens [N, C] of frames, without padding, and what CTC reads from each, [N, reduction, SYMBOLS]."""
    reduction = trainee.model.config.audio.conf_reduction_factor
    mask = mask[:, ::reduction]
    symbols = trainee.speller.read_tokens(frames)
    return frames[:, ::reduction][mask], symbols.view(*mask.shape, reduction, -1)[mask]


def _step(optimizer: torch.optim.Optimizer, loss: Tensor, share: float) -> None:
    """One of the optimizer's parameters, at a share of its rate; nobody else's gradients are computed."""
    for group in optimizer.param_groups:
        group["lr"] = share * _RATE
        for parameter, gradient in zip(group["params"], torch.autograd.grad(loss, group["params"]), strict=True):
            parameter.grad = gradient
    optimizer.step()
