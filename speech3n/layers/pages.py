"""What the system is told about weights that are mapped from a file: which are read by single rows, and which soon.

Without it, a row of the per-layer embeddings that is not in the page cache makes the system read a hundred kilobytes
around it from the disk, and rows are waited for one after the other.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable

import torch
from torch import Tensor

_LARGE_BYTES = 1 << 24
"""Smaller tables are read soon enough, and lie among other things in memory."""


def advise_single_rows(table: Tensor) -> bool:
    """Say that rows [V, P] of a large table will be read in no order; returns whether the system took it."""
    if table.nbytes < _LARGE_BYTES:
        return False
    return _advise(table.data_ptr(), table.nbytes, getattr(mmap, "MADV_RANDOM", None))


def prefetch_rows(table: Tensor, ids: Tensor) -> None:
    """Have the rows of ids [...] read from the disk all at once; nothing happens to those in the page cache."""
    if table.nbytes < _LARGE_BYTES or table.device.type != "cpu":
        return
    stride = table.stride(0) * table.element_size()
    for row in torch.unique(ids).tolist():
        _advise(table.data_ptr() + row * stride, stride, getattr(mmap, "MADV_WILLNEED", None))


def _advise(address: int, nbytes: int, advice: int | None) -> bool:
    if advice is None or not sys.platform.startswith("linux") or not nbytes:
        return False
    start = address - address % mmap.PAGESIZE
    return _madvise()(start, address + nbytes - start, advice) == 0


@functools.cache
def _madvise() -> Callable[[int, int, int], int]:
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    function.restype = ctypes.c_int

    def call(address: int, nbytes: int, advice: int) -> int:
        return int(function(address, nbytes, advice))

    return call
