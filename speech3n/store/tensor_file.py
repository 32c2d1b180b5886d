"""Safetensors files written piece by piece, so that a tensor never has to be in memory whole.

The format is a JSON header behind its length (8 bytes, little-endian) and the tensors' bytes one after the other
(huggingface/safetensors, README "Format").
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType

_ALIGNMENT = 8
ITEM_SIZES = {
    **{"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2},
    **{"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1},
}
"""Bytes of a number, by the name that safetensors has for its type."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor to write: its name, its type as safetensors names it, and its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return ITEM_SIZES[self.dtype] * prod(self.shape)


class TensorFileWriter:
    """One safetensors file; `order` says in which order its tensors have to be given to `write`.

    Leaving the context raises ValueError where a tensor got too few or too many bytes, and OSError as the disk does.
    """

    def __init__(self, path: Path, tensors: Sequence[TensorSpec], metadata: Mapping[str, str] | None = None) -> None:
        # Widest numbers first: each tensor then begins where numbers of its type may begin in memory.
        self.order = tuple(sorted(tensors, key=lambda tensor: -ITEM_SIZES[tensor.dtype]))
        header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
        end = 0
        for tensor in self.order:
            start, end = end, end + tensor.nbytes
            header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        self._end = 8 + len(text) + end
        self._file = path.open("xb")
        self._file.write(len(text).to_bytes(8, "little") + text)

    def write(self, data: bytes | memoryview) -> None:
        """Append the next bytes."""
        self._file.write(data)

    def __enter__(self) -> TensorFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is not None:
                return
            self._file.flush()
            if self._file.tell() != self._end:
                raise ValueError(f"'{self._file.name}' got {self._file.tell()} bytes instead of {self._end}.")
            os.fsync(self._file.fileno())
