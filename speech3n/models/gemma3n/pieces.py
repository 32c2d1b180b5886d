"""Pieces of the tensors in safetensors files: ranges of rows and columns, read a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from speech3n.errors import ModelError
from speech3n.store import ITEM_SIZES, TensorSpec

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Parts (start, end) of a dimension, in order."""
TYPE_NAMES = {torch.bfloat16: "BF16", torch.float32: "F32", torch.int8: "I8", torch.uint8: "U8"}
"""What safetensors call types."""
_CHUNK_BYTES = 64_000_000
_BLOCK_BYTES = 16_000_000
"""For what is computed with: intermediate results are several times as large."""


@dataclass(frozen=True, slots=True)
class TensorSource:
    """A tensor in a file."""

    path: Path
    spec: TensorSpec


@dataclass(frozen=True, slots=True)
class Piece:
    """What stays of a tensor, and under which name; `rows` and `columns` of a matrix, all where they are None."""

    source: TensorSource
    name: str
    rows: Ranges | None = None
    columns: Ranges | None = None

    @property
    def spec(self) -> TensorSpec:
        """The tensor that comes out."""
        shape = list(self.source.spec.shape)
        for dimension, ranges in enumerate((self.rows, self.columns)):
            if ranges is not None:
                shape[dimension] = sum(end - start for start, end in ranges)
        return TensorSpec(self.name, self.source.spec.dtype, tuple(shape))


def read_sources(paths: Iterable[Path]) -> list[TensorSource]:
    """All tensors of some files, none of them read; raises ModelError for files that are damaged."""
    from safetensors import SafetensorError, safe_open

    sources = []
    for path in paths:
        try:
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    part = file.get_slice(name)
                    sources.append(TensorSource(path, _spec(path, name, part.get_dtype(), part.get_shape())))
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error
    return sources


def copy_piece(piece: Piece) -> Iterator[memoryview]:
    """The bytes of a piece, row by row, in blocks of some megabytes.

    The file is opened anew for each block: the pages of a whole checkpoint mapped at once look like memory in use.
    """
    spec = piece.source.spec
    if len(spec.shape) < 2:
        yield bytes_of(_read(piece.source, None, None))
        return
    row_bytes = spec.nbytes // max(1, spec.shape[0])
    step = max(1, _CHUNK_BYTES // max(1, row_bytes))
    for start, end in piece.rows if piece.rows is not None else ((0, spec.shape[0]),):
        for first in range(start, end, step):
            yield bytes_of(_read(piece.source, (first, min(end, first + step)), piece.columns))


def read_blocks(source: TensorSource, multiple: int = 1) -> Iterator[Tensor]:
    """The rows of a matrix in blocks of a few megabytes, each but the last of a multiple of `multiple` rows."""
    rows = source.spec.shape[0]
    step = max(1, _BLOCK_BYTES * rows // max(1, source.spec.nbytes) // multiple) * multiple
    for first in range(0, rows, step):
        yield _read(source, (first, min(rows, first + step)), None)


def _read(source: TensorSource, rows: tuple[int, int] | None, columns: Ranges | None) -> Tensor:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source.path, "pt") as file:
            if rows is None:
                whole: Tensor = file.get_tensor(source.spec.name)
                return whole
            block: Tensor = file.get_slice(source.spec.name)[rows[0] : rows[1]]
    except (SafetensorError, OSError) as error:
        raise _damaged(source.path, error) from error
    return block if columns is None else torch.cat([block[:, start:end] for start, end in columns], 1)


def bytes_of(tensor: Tensor) -> memoryview:
    """The numbers of a tensor on the CPU as they lie in memory, row by row."""
    return tensor.contiguous().flatten().view(torch.uint8).numpy().data


def _spec(path: Path, name: str, dtype: str, shape: list[int]) -> TensorSpec:
    if dtype not in ITEM_SIZES:
        raise ModelError(f"'{path}': {name} is of type {dtype}, which cannot be copied.", "Take another checkpoint.")
    return TensorSpec(name, dtype, tuple(shape))


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"'{path}' is damaged or not a safetensors file: {error}.", "Fetch the checkpoint again.")
