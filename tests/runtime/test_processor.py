"""What is said of the processor is what its kernels do."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from speech3n.runtime.processor import has_few_bit_kernels, multiplies_int8_exactly, packs_matrices

SAY = """
import torch
from speech3n.runtime import processor
print(processor.packs_matrices(torch.bfloat16), processor.multiplies_int8_exactly(), processor.has_few_bit_kernels())
"""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_whoever_is_said_to_pack_packs_and_nobody_else(dtype: torch.dtype) -> None:
    if packs_matrices(dtype):
        torch.ops.mkldnn._reorder_linear_weight(torch.zeros(64, 64, dtype=dtype), 8)
    elif torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        with pytest.raises(RuntimeError):
            torch.ops.mkldnn._reorder_linear_weight(torch.zeros(64, 64, dtype=dtype), 8)


@pytest.mark.parametrize("shape", [(1, 64, 64), (5, 72, 80), (70, 256, 192)])
def test_products_of_int8_are_exact_where_it_is_said(shape: tuple[int, int, int]) -> None:
    rows, inner, columns = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-127, 128, (rows, inner), generator=generator, dtype=torch.int8)
    weight = torch.randint(-127, 128, (columns, inner), generator=generator, dtype=torch.int8).t()
    for matrix in (weight, weight.contiguous()):
        is_exact = torch.equal(torch._int_mm(x, matrix).long(), x.long() @ matrix.long())
        assert is_exact == multiplies_int8_exactly()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="simulates processors of the x86 family")
@pytest.mark.parametrize(
    ("capability", "instructions", "expected"),
    [("avx2", "AVX2", "False False True"), ("default", "SSE41", "False False False")],
)
def test_what_the_libraries_leave_unused_counts_as_missing(capability: str, instructions: str, expected: str) -> None:
    environment = os.environ | {"ATEN_CPU_CAPABILITY": capability, "ONEDNN_MAX_CPU_ISA": instructions}
    said = subprocess.run([sys.executable, "-c", SAY], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == expected


def test_kernels_for_few_bits_follow_the_capability() -> None:
    if platform.machine() in ("x86_64", "AMD64"):
        assert has_few_bit_kernels() == torch.backends.cpu.get_cpu_capability().startswith("AVX")
