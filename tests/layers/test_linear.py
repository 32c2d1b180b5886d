"""Packed matrices give the products of plain ones."""

import pytest
import torch
from torch import nn

from speech3n.layers.linear import PackedLinear, can_pack, pack_linears

pytestmark = pytest.mark.skipif(not can_pack(), reason="this build of torch packs no matrices")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 4, 37])
def test_a_packed_matrix_gives_the_same_products(dtype: torch.dtype, rows: int) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(512, 640, bias=False, dtype=dtype).requires_grad_(False)
    x = torch.randn(2, rows, 512, dtype=dtype)
    expected = plain(x).float()
    largest = float((PackedLinear(plain.weight)(x).float() - expected).abs().max() / expected.abs().max())
    assert largest < (1e-5 if dtype == torch.float32 else 1e-2)


def test_only_large_matrices_without_bias_are_packed() -> None:
    module = nn.Sequential(
        nn.Linear(512, 512, bias=False), nn.Linear(8, 8, bias=False), nn.Sequential(nn.Linear(512, 512))
    )
    pack_linears(module)
    assert [type(part) for part in module.modules()].count(PackedLinear) == 1
    assert isinstance(module[0], PackedLinear)
