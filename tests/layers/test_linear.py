"""Large matrices give the products of plain ones, in whichever form suits the processor."""

import pytest
import torch
from torch import Tensor, nn

from speech3n.layers import linear, widened
from speech3n.layers.linear import PackedLinear, WidenedLinear, pack_linears
from speech3n.layers.widened import widened_product
from speech3n.runtime.processor import packs_matrices

DTYPES = (torch.float32, torch.bfloat16)
ROWS = (1, 4, 37)
"""Numbers of rows on every side of where products change."""


def plain(dtype: torch.dtype) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(512, 640, bias=False, dtype=dtype).requires_grad_(False)


def deviation(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected.float()).abs().max() / expected.float().abs().max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", ROWS)
def test_a_large_matrix_gives_the_same_products(dtype: torch.dtype, rows: int) -> None:
    original = plain(dtype)
    module = nn.Sequential(original)
    pack_linears(module)
    if packs_matrices(dtype):
        assert type(module[0]) is PackedLinear
    else:
        assert type(module[0]) is (WidenedLinear if dtype == torch.bfloat16 else nn.Linear)
    x = torch.randn(2, rows, 512, dtype=dtype)
    assert deviation(module(x), original(x)) < (1e-5 if dtype == torch.float32 else 1e-2)


@pytest.mark.parametrize("rows", ROWS)
def test_a_widened_matrix_gives_the_same_products(rows: int) -> None:
    original = plain(torch.bfloat16)
    layer = WidenedLinear(original.weight)
    x = torch.randn(2, rows, 512, dtype=torch.bfloat16)
    found = layer(x)
    assert (found.shape, found.dtype) == ((2, rows, 640), torch.bfloat16)
    exact = x.double() @ original.weight.double().t()
    assert deviation(found, exact) < 0.005
    assert layer._weight.data_ptr() == original.weight.data_ptr()


@pytest.mark.parametrize("values", [1, 5000, 1 << 20])
def test_a_matrix_is_widened_in_parts_however_it_lies(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widened, "_VALUES_AT_ONCE", values)
    generator = torch.Generator().manual_seed(0)
    whole = torch.randint(-127, 128, (70, 96), generator=generator, dtype=torch.int8)
    x = torch.randn(6, 96, generator=generator)
    expected = x.double() @ whole.double().t()
    for weight in (whole, whole.t().contiguous().t()):
        assert deviation(widened_product(x, weight), expected) < 1e-6
    middle = x[:, 32:64].double() @ whole[:, 32:64].double().t()
    assert deviation(widened_product(x[:, 32:64], whole[:, 32:64]), middle) < 1e-6


def test_without_packing_only_what_is_slow_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "packs_matrices", lambda _: False)
    module = nn.Sequential(plain(torch.float32), plain(torch.bfloat16))
    pack_linears(module)
    assert [type(part) for part in module] == [nn.Linear, WidenedLinear]


@pytest.mark.parametrize("packs", [True, False])
def test_only_large_matrices_without_bias_are_replaced(packs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "packs_matrices", lambda _: packs and packs_matrices(torch.bfloat16))
    module = nn.Sequential(
        nn.Linear(512, 512, bias=False), nn.Linear(8, 8, bias=False), nn.Sequential(nn.Linear(512, 512))
    ).bfloat16()
    pack_linears(module)
    assert [type(part) is nn.Linear for part in (module[0], module[1], module[2][0])] == [False, True, True]
