"""What this processor has, as the libraries that compute see it: torch's kernels and oneDNN's.

They are asked, and not the processor: what they leave unused (ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA are obeyed, a
build may come without oneDNN) counts as missing. Every answer holds for the life of the process.
"""

from __future__ import annotations

import functools
import platform

import torch

_PROBE = 64
"""Columns of the product that is tried: as many as the widest kernel reads at once."""


@functools.cache
def packs_matrices(dtype: torch.dtype) -> bool:
    """Whether oneDNN lays out matrices of this type; for bfloat16 it wants AVX-512, and refuses with an error."""
    operators = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available() or not hasattr(operators, "_linear_pointwise"):  # type: ignore[no-untyped-call]
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(operators._is_mkldnn_bf16_supported()))


@functools.cache
def multiplies_int8_exactly() -> bool:
    """Whether `torch._int_mm` gives sums of products of int8.

    Without VNNI, oneDNN adds pairs of products in sixteen bits, which saturate: sums come out wrong, and nothing says
    so. The largest pair there is tells.
    """
    largest = torch.full((_PROBE, _PROBE), 127, dtype=torch.int8)
    return bool((torch._int_mm(largest, largest) == 127 * 127 * _PROBE).all())


@functools.cache
def has_few_bit_kernels() -> bool:
    """Whether torch's kernels for int8 and int4 weights compute with vectors here; else they go value by value."""
    return torch.backends.cpu.get_cpu_capability() != "DEFAULT" or platform.machine() in ("aarch64", "arm64")
