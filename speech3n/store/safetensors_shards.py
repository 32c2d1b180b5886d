"""Checkpoints in several safetensors files and their index, as Hugging Face lays them out, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speech3n.store.safetensors_file import TensorFileWriter, TensorSpec


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """Tensors that lie in one file, and where their bytes come from: `pieces` gives a tensor's name and its next ones.

    Pieces are asked for once, when the group's turn comes.
    """

    specs: Sequence[TensorSpec]
    pieces: Callable[[], Iterator[tuple[str, bytes | memoryview]]]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(spec.nbytes for spec in self.specs)


def write_shards(
    folder: Path,
    groups: Sequence[TensorGroup],
    shard_bytes: int,
    report: Callable[[int], None],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write groups to files of about `shard_bytes`; `report` takes the bytes written so far.

    Raises what `TensorFileWriter` raises.
    """
    shards = _shards(groups, shard_bytes)
    names = [
        "model.safetensors" if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        for number in range(1, len(shards) + 1)
    ]
    done = 0
    for name, shard in zip(names, shards, strict=True):
        with TensorFileWriter(folder / name, _specs(shard), metadata) as writer:
            for group in shard:
                for tensor, data in group.pieces():
                    writer.write(tensor, data)
                    done += len(data)
                    report(done)
    if len(shards) > 1:
        places = {spec.name: name for name, shard in zip(names, shards, strict=True) for spec in _specs(shard)}
        total = sum(group.nbytes for group in groups)
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def _shards(groups: Iterable[TensorGroup], shard_bytes: int) -> list[list[TensorGroup]]:
    shards: list[list[TensorGroup]] = [[]]
    size = 0
    for group in groups:
        if shards[-1] and size + group.nbytes > shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(group)
        size += group.nbytes
    return shards


def _specs(groups: Iterable[TensorGroup]) -> list[TensorSpec]:
    return [spec for group in groups for spec in group.specs]
