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

_ALIGNMENT = 64
"""A cache line: kernels read whole vectors from it, and some of them nothing that begins elsewhere."""
_CACHED_BYTES = 1 << 26
"""So much is written before it is sent to the disk."""
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
    """One safetensors file, its tensors side by side: each gets its bytes in order, whoever's turn it is.

    What was written does not stay in memory, not even in the system's cache, where gigabytes of it would push out what
    other programs need. Leaving the context raises ValueError where a tensor got too few or too many bytes, and
    OSError as the disk does.
    """

    def __init__(self, path: Path, tensors: Sequence[TensorSpec], metadata: Mapping[str, str] | None = None) -> None:
        header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
        starts: dict[str, int] = {}
        end = 0
        # Whole lines first, so that each of them begins a line, then the widest numbers: all begin where numbers of
        # their type may begin in memory.
        for tensor in sorted(tensors, key=lambda tensor: (tensor.nbytes % _ALIGNMENT > 0, -ITEM_SIZES[tensor.dtype])):
            starts[tensor.name], end = end, end + tensor.nbytes
            offsets = [starts[tensor.name], end]
            header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % _ALIGNMENT)
        self._sizes = {tensor.name: tensor.nbytes for tensor in tensors}
        self._written = dict.fromkeys(self._sizes, 0)
        self._cached = 0
        self._file = path.open("xb")
        self._file.write(len(text).to_bytes(8, "little") + text)
        self._starts = {name: 8 + len(text) + start for name, start in starts.items()}

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Append the next bytes of a tensor."""
        at = self._written[name]
        if at + len(data) > self._sizes[name]:
            raise self._wrong_size(name, at + len(data))
        self._file.seek(self._starts[name] + at)
        self._file.write(data)
        self._written[name] += len(data)
        self._cached += len(data)
        if self._cached >= _CACHED_BYTES:
            self._to_disk()

    def _to_disk(self) -> None:
        """Wait until the disk has it all, and have the system forget it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self._cached = 0

    def _wrong_size(self, name: str, nbytes: int) -> ValueError:
        return ValueError(f"'{self._file.name}': {name} got {nbytes} bytes instead of {self._sizes[name]}.")

    def __enter__(self) -> TensorFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is not None:
                return
            for name, nbytes in self._written.items():
                if nbytes != self._sizes[name]:
                    raise self._wrong_size(name, nbytes)
            self._to_disk()
