"""Training on disk: weights, optimizer and position, whole or not at all, so that it goes on as if never stopped."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from speech3n.errors import StorageError
from speech3n.runtime.untrusted import Number, Text, Unreadable, convert, read_json, shown
from speech3n.training.data.sampler import Position

_STATE = "state.json"
_LARGEST_FILE = 1_000_000
_KEPT = 2
_AVERAGED = 10


@dataclass(slots=True)
class Progress:
    """How far training is."""

    step: Number = 0
    position: Position = field(default_factory=lambda: Position(0, 0))
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    corpus: str = ""
    """The digest of the features that `position` is a position in."""


class _File(msgspec.Struct):
    """Where the tensors of a state are."""

    file: Text


def save(folder: Path, parts: dict[str, nn.Module], optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write the state of a step; raises StorageError. `parts` are the modules that are trained, by name."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, part in parts.items():
        tensors |= {f"{name}.{key}": value.detach().cpu().contiguous() for key, value in part.state_dict().items()}
    names = [name for name, _ in trained(parts)]
    moments: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    for index, values in moments.items():
        for kind, value in values.items():
            tensors[f"optimizer.{names[index]}.{kind}"] = value.detach().cpu().contiguous()
    file = f"state-{progress.step:07}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / f"{file}.part")
        (folder / f"{file}.part").replace(folder / file)
        contents = json.dumps(asdict(progress) | {"file": file}, indent=1) + "\n"
        (folder / f"{_STATE}.part").write_text(contents, "utf-8")
        (folder / f"{_STATE}.part").replace(folder / _STATE)
        for old in sorted(folder.glob("state-*.safetensors"))[:-_KEPT]:
            old.unlink()
    except OSError as error:
        raise StorageError(f"'{folder}' cannot be written: {error.strerror}.", "Check the disk.") from error


def load(folder: Path, parts: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> Progress | None:
    """Bring modules and optimizer to what was saved last; None where nothing was. Raises StorageError."""
    if not is_run(folder):
        return None
    progress, tensors = _read(folder)
    try:
        for name, part in parts.items():
            own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            part.load_state_dict(own)
    except RuntimeError as error:
        raise unusable(folder, error) from error
    state = optimizer.state_dict()
    for index, (name, _) in enumerate(trained(parts)):
        prefix = f"optimizer.{name}."
        moments = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if moments:
            state["state"][index] = moments
    optimizer.load_state_dict(state)
    return progress


def is_run(folder: Path) -> bool:
    """Whether training has been saved in a folder."""
    return (folder / _STATE).is_file()


@torch.no_grad()
def begin_with(folder: Path, parts: dict[str, nn.Module]) -> None:
    """Take from another run the weights that it has trained, and no others; raises StorageError."""
    _, tensors = _read(folder)
    for name, parameter in trained(parts):
        if f"optimizer.{name}.exp_avg" not in tensors:
            continue
        if name not in tensors or tensors[name].shape != parameter.shape:
            raise unusable(folder, f"its '{name}' has another shape")
        parameter.copy_(tensors[name])


def _read(folder: Path) -> tuple[Progress, dict[str, Tensor]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        saved = read_json(folder / _STATE, _LARGEST_FILE)
        progress, file = convert(saved, Progress), convert(saved, _File).file
        if Path(file).name != file:
            raise Unreadable(f"{shown(file)} is not beside it")
        return progress, load_file(folder / file)
    except (OSError, Unreadable, SafetensorError) as error:
        raise unusable(folder, Unreadable(error)) from error


def unusable(folder: Path, reason: object) -> StorageError:
    """The error for a folder with something else than what is needed."""
    return StorageError(f"The state in '{folder}' can't be used: {reason}.", "Begin in another folder.")


def trained(parts: dict[str, nn.Module]) -> list[tuple[str, nn.Parameter]]:
    """All parameters with their names, matrices first: the order in which `optimizer_of` has them."""
    named = [(f"{name}.{key}", value) for name, part in parts.items() for key, value in part.named_parameters()]
    return sorted(named, key=lambda entry: is_plain(*entry))


def is_plain(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is kept from decaying: scales, biases, and tables of which most rows rest."""
    return parameter.dim() < 2 or "embed_tokens" in name


def optimizer_of(parts: dict[str, nn.Module], rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over all parameters, in the order of `trained`."""
    entries = trained(parts)
    groups = [
        {"params": [value for name, value in entries if is_plain(name, value) is plain], "weight_decay": decay}
        for plain, decay in ((False, weight_decay), (True, 0.0))
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], rate, betas=(0.9, 0.98), fused=True)


def save_weights(folder: Path, model: nn.Module, step: int) -> None:
    """Keep the weights of a step in bfloat16, and those of a few steps before, to average; raises StorageError."""
    from safetensors.torch import save_file

    file = folder / f"weights-{step:07}.safetensors"
    weights = {name: value.detach().cpu().bfloat16().contiguous() for name, value in model.state_dict().items()}
    try:
        save_file(weights, f"{file}.part")
        Path(f"{file}.part").replace(file)
        for old in sorted(folder.glob("weights-*.safetensors"))[:-_AVERAGED]:
            old.unlink()
    except OSError as error:
        raise StorageError(f"'{folder}' cannot be written: {error.strerror}.", "Check the disk.") from error
