"""Narrower layers share the memory of the wide one and give what it gives, packed or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from speech3n.layers import linear as packing
from speech3n.layers.linear import RowLinear, pack_linears
from speech3n.layers.nested import first_inputs, first_outputs, shallow, split_inputs, split_outputs
from speech3n.runtime.processor import packs_matrices
from tests.layers.rounded import Rounded

BORDERS = (16, 24, 40)
WIDTHS = [16, 24, 40]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def linear(inner: int, outer: int, kind: type[nn.Linear] = nn.Linear) -> nn.Linear:
    layer = RowLinear(inner, outer) if kind is RowLinear else nn.Linear(inner, outer, bias=False)
    layer.weight.data = torch.randn(outer, inner, generator=torch.Generator().manual_seed(1))
    return layer.requires_grad_(False)


def rows(width: int, count: int = 3) -> Tensor:
    return torch.randn(2, count, width, generator=torch.Generator().manual_seed(2))


def memory(module: nn.Module) -> set[int]:
    return {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}


@pytest.mark.parametrize("kind", [nn.Linear, RowLinear])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_outputs_of_a_layer_are_a_view(kind: type[nn.Linear], width: int) -> None:
    whole = linear(12, 40, kind)
    narrow = first_outputs(whole, width)
    torch.testing.assert_close(narrow(rows(12)), whole(rows(12))[..., :width])
    assert memory(narrow) == memory(whole)
    assert type(narrow) is kind
    if isinstance(narrow, RowLinear) and isinstance(whole, RowLinear):
        some = torch.tensor([3, 15])
        torch.testing.assert_close(narrow.some_rows(rows(12), some), whole.some_rows(rows(12), some))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_inputs_of_a_layer_are_a_view(width: int) -> None:
    whole = linear(40, 12)
    narrow = first_inputs(whole, width)
    x = rows(40)
    x[..., width:] = 0
    torch.testing.assert_close(narrow(x[..., :width]), whole(x))
    assert memory(narrow) == memory(whole)


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("count", [1, 30])
def test_blocks_give_what_the_whole_gives_and_so_do_the_first_of_them(
    monkeypatch: pytest.MonkeyPatch, is_packed: bool, count: int
) -> None:
    up, down = linear(12, 40), linear(40, 12)
    parts = nn.ModuleDict({"up": split_outputs(up, BORDERS), "down": split_inputs(down, BORDERS)})
    assert memory(parts) == memory(up) | memory(down)
    if is_packed:
        monkeypatch.setattr(packing, "_SMALLEST", 1)
        pack_linears(parts)
        assert not list(parts.parameters()) or not packs_matrices(torch.float32)
    x = rows(12, count)
    torch.testing.assert_close(parts["up"](x), up(x))
    torch.testing.assert_close(parts["down"](rows(40, count)), down(rows(40, count)))
    for width in WIDTHS:
        torch.testing.assert_close(first_outputs(parts["up"], width)(x), first_outputs(up, width)(x))
        y = rows(width, count)
        torch.testing.assert_close(first_inputs(parts["down"], width)(y), first_inputs(down, width)(y))
    # The same blocks, not new ones.
    assert set(first_outputs(parts["up"], 24).modules()) & set(parts.modules())
    assert first_inputs(parts["down"], 16) is parts["down"].blocks[0]


def test_blocks_in_the_middle_are_those_columns() -> None:
    down = linear(40, 12)
    middle = split_inputs(down, BORDERS).columns(16, 40)
    x = rows(40)
    x[..., :16] = 0
    torch.testing.assert_close(middle(x[..., 16:]), down(x))
    assert split_inputs(down, BORDERS).columns(16, 24).in_features == 8


def test_layers_of_other_kinds_are_narrowed_by_themselves() -> None:
    whole = linear(40, 40)
    rounded = Rounded(whole.weight)
    x = rows(40)
    torch.testing.assert_close(first_outputs(rounded, 24)(x), whole(x)[..., :24])
    torch.testing.assert_close(first_inputs(rounded, 24)(x[..., :24]), first_inputs(whole, 24)(x[..., :24]))
    torch.testing.assert_close(split_inputs(rounded, BORDERS)(x), whole(x))


def test_what_has_no_narrower_layer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for narrowed, sides in ((first_outputs, "outputs"), (first_inputs, "inputs")):
        with pytest.raises(TypeError, match=f"Tanh holds no layer with fewer {sides}"):
            narrowed(nn.Tanh(), 8)
        with pytest.raises(TypeError, match="with a bias"):
            narrowed(nn.Linear(9, 9), 8)
    with pytest.raises(ValueError, match="no boundary at 20, only at 16, 24, 40"):
        first_outputs(split_outputs(linear(12, 40), BORDERS), 20)


def test_a_shallow_copy_takes_other_parts_without_changing_the_original() -> None:
    original = nn.Sequential(linear(4, 4), linear(4, 4))
    twin = shallow(original)
    twin[1] = nn.Tanh()
    assert twin[0] is original[0]
    assert isinstance(original[1], nn.Linear)
