"""Rounded matrices stay near the originals, and every kernel computes the product of the rounded matrix."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speech3n.errors import UsageError
from speech3n.layers import quantised
from speech3n.layers.embedding import Int8Rows
from speech3n.layers.quantised import Int4Embedding, Int4Linear, Int8Embedding, Int8Linear
from speech3n.layers.rounding import expand, pack, round_int4, round_int8, steps, unpack

ROWS = (1, 3, 5, 17, 33, 70)
"""Numbers of rows on every side of where the kernels change."""


def matrix(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * columns**-0.5


def int8_layer(weight: Tensor, kind: type[Int8Linear] = Int8Linear) -> Int8Linear:
    layer = kind(*weight.shape[::-1]) if kind is Int8Linear else kind(*weight.shape)
    for first in range(0, len(weight), 7):
        layer.set_rows(first, weight[first : first + 7])
    return layer


def int4_layer(weight: Tensor, group: int, kind: type[Int4Linear] = Int4Linear) -> Int4Linear:
    shape = weight.shape[::-1] if kind is Int4Linear else weight.shape
    layer = kind(*shape, group)
    for first in range(0, len(weight), 64):
        layer.set_rows(first, weight[first : first + 64])
    return layer


def error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())


@given(st.integers(0, 2**31), st.integers(1, 9), st.floats(1e-6, 1e6))
@settings(max_examples=30)
def test_int8_is_off_by_half_a_step_at_most(seed: int, rows: int, size: float) -> None:
    weight = matrix(rows, 40, seed) * size
    values, scale = round_int8(weight)
    assert ((values * scale[:, None] - weight).abs() <= scale[:, None] * 0.501).all()


@given(st.integers(0, 2**31), st.sampled_from((32, 64, 128)), st.floats(1e-6, 1e6))
@settings(max_examples=30)
def test_int4_is_off_by_less_than_a_seventh_of_the_largest_in_its_group(seed: int, group: int, size: float) -> None:
    weight = matrix(64, 256, seed) * size
    layer = int4_layer(weight, group)
    grouped = weight.view(64, -1, group)
    largest = grouped.abs().amax(-1, keepdim=True)
    row = layer.row_scale[:, None, None]
    off = (layer.dequantised().view_as(grouped) - grouped).abs()
    # Half a step inside; what a narrower range cuts off is a quarter, and a step is a whole number of the row's.
    assert (off <= largest * 0.25 + row * 8).all()
    assert error(layer.dequantised(), weight) < 0.12


@pytest.mark.parametrize("weight", [torch.zeros(64, 64), torch.eye(64), -torch.eye(64)])
def test_rows_of_zeros_and_lone_values_survive(weight: Tensor) -> None:
    assert error(int4_layer(weight + 0, 32).dequantised() + 1, weight + 1) < 0.02
    values, scale = round_int8(weight)
    torch.testing.assert_close(values * scale[:, None], weight)


def test_packing_is_undone_and_expanded_without_loss() -> None:
    rounded = round_int4(matrix(192, 128), 32)
    nibbles = unpack(rounded.packed)
    assert torch.equal(pack(nibbles), rounded.packed)
    multiples = rounded.multiples.view(torch.int8).int()
    assert multiples.min() < 0 < multiples.max()
    expected = (nibbles.int() - 8).view(192, 4, 32) * multiples[..., None]
    assert torch.equal(expand(rounded.packed, rounded.multiples).int(), expected.view(192, 128).t())


def test_steps_are_exact_in_bfloat16() -> None:
    rounded = round_int4(matrix(128, 256), 64)
    found = steps(rounded.multiples, rounded.row_scale)
    assert torch.equal(found.bfloat16().float(), found)


def test_the_largest_of_a_group_has_the_eighth_multiple_on_its_side() -> None:
    numbers = torch.arange(-7.0, 9).repeat(64, 4)
    for weight in (numbers, -numbers):
        # Seven steps to 8 would be off by half a step of 8/7, or by a whole one at the end.
        assert (int4_layer(weight, 64).dequantised() - weight).abs().max() < 0.2


def test_steps_of_one_sign_are_read_as_before() -> None:
    layer = int4_layer(matrix(64, 128), 32)
    layer.multiples.copy_(torch.arange(1, 17).repeat(64, 16)[:, :4])
    expected = (unpack(layer.weight_int4).float() - 8).view(64, 4, 32) * (
        layer.multiples.float() * layer.row_scale[:, None]
    )[..., None]
    assert torch.equal(layer.dequantised(), expected.flatten(1))
    for rows in (1, 40):
        x = matrix(rows, 128, 1)
        assert error(layer(x), x @ expected.flatten(1).t()) < 0.012


@pytest.fixture(params=["as it is", "no exact int8", "no kernels"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This processor, and what others compute."""
    if request.param != "as it is":
        monkeypatch.setattr(quantised, "multiplies_int8_exactly", lambda: False)
    if request.param == "no kernels":
        monkeypatch.setattr(quantised, "has_few_bit_kernels", lambda: False)


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", ROWS)
def test_int8_computes_the_product_of_the_rounded_matrix(rows: int, dtype: torch.dtype) -> None:
    layer = int8_layer(matrix(80, 72))
    x = matrix(rows, 72, 1).to(dtype)
    found = layer(x[None])
    assert found.shape == (1, rows, 80)
    assert found.dtype == dtype
    assert error(found[0], x.double() @ (layer.weight_int8 * layer.scale[:, None]).double().t()) < 0.012


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("rows", ROWS)
def test_int4_computes_the_product_of_the_rounded_matrix(rows: int, group: int, dtype: torch.dtype) -> None:
    layer = int4_layer(matrix(192, 256), group)
    x = matrix(rows, 256, 1).to(dtype)
    found = layer(x[None])
    assert found.shape == (1, rows, 192)
    assert found.dtype == dtype
    assert error(found[0], x.double() @ layer.dequantised().double().t()) < 0.012


@pytest.mark.parametrize("offset", [0, 8, 16])
def test_int8_is_multiplied_wherever_it_lies(offset: int) -> None:
    layer = Int8Linear(128, 64)
    layer.set_rows(0, torch.randn(64, 128, generator=torch.Generator().manual_seed(0)))
    memory = torch.zeros(64 * 128 + 128, dtype=torch.int8)
    start = -memory.data_ptr() % 64 + offset
    layer.weight_int8 = memory[start : start + 64 * 128].view(64, 128).copy_(layer.weight_int8)
    x = torch.randn(4, 128, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = x.float() @ layer.dequantised().T
    assert (layer(x).float() - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.usefixtures("processor")
def test_few_rows_are_not_rounded() -> None:
    weight = matrix(64, 64)
    x = matrix(1, 64, 2)
    # Next to a value this large, int8 would make the others zero.
    x[0, 0] = 1e4
    for layer in (int8_layer(weight), int4_layer(weight, 32)):
        lone = torch.eye(64)[:1] * 1e4
        others = layer(x) - layer(lone)
        full = layer.dequantised() if isinstance(layer, Int4Linear) else layer.weight_int8 * layer.scale[:, None]
        assert error(others, (x - lone) @ full.t()) < 0.01


def test_without_exact_int8_no_row_is_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantised, "multiplies_int8_exactly", lambda: False)
    for kernels in (True, False):
        monkeypatch.setattr(quantised, "has_few_bit_kernels", lambda kernels=kernels: kernels)
        for layer in (int8_layer(matrix(80, 72)), int4_layer(matrix(128, 256), 64)):
            x = matrix(40, layer.in_features, 1)
            assert error(layer(x), x.double() @ layer.dequantised().double().t()) < 1e-6


def test_a_kernel_of_another_layout_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = int4_layer(matrix(64, 64), 32)
    x = matrix(2, 64, 1)
    expected = layer(x)
    monkeypatch.setattr(quantised, "_kernel_reads_blocks_of_64", lambda: False)
    layer._kernel_weight = None
    assert torch.equal(layer(x), expected)


def test_embeddings_give_rows_and_logits() -> None:
    weight = matrix(128, 64)
    ids = torch.tensor([[0, 31, 32, 63], [64, 100, 127, 5]])
    for layer in (int8_layer(weight, Int8Embedding), int4_layer(weight, 32, Int4Embedding)):
        assert layer(ids).shape == (2, 4, 64)
        assert error(layer(ids), weight[ids]) < 0.13
        hidden = matrix(2, 64, 3)
        assert error(layer.logits(hidden), hidden @ layer(torch.arange(128)).t()) < 1e-2
        layer.compute_in(torch.bfloat16)
        assert layer(ids).dtype == torch.bfloat16
        assert layer.float()(ids).dtype == torch.float32


def test_rows_in_parts() -> None:
    table = Int8Rows(10, 24, 3)
    weight = matrix(10, 24)
    table.set_rows(0, weight[:4])
    table.set_rows(4, weight[4:])
    ids = torch.tensor([[9, 0, 3]])
    assert error(table(ids), weight[ids]) < 0.01


def test_first_outputs_share_memory() -> None:
    layer = int8_layer(matrix(8, 16))
    narrow = layer.first_outputs(3)
    x = matrix(2, 16, 1)
    torch.testing.assert_close(narrow(x), layer(x)[:, :3])
    assert narrow.weight_int8.data_ptr() == layer.weight_int8.data_ptr()


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("count", ROWS)
def test_narrower_layers_give_what_the_same_part_of_the_matrix_gives(bits: int, count: int) -> None:
    weight = matrix(192, 256)
    layer = int4_layer(weight, 64) if bits == 4 else int8_layer(weight)
    x = torch.randn(1, count, 256, generator=torch.Generator().manual_seed(1))
    narrow = layer.first_outputs(128)
    torch.testing.assert_close(narrow(x), layer(x)[..., :128])
    assert next(narrow.buffers()).device == next(layer.buffers()).device
    mine = (narrow.weight_int4, layer.weight_int4) if bits == 4 else (narrow.weight_int8, layer.weight_int8)
    assert mine[0].data_ptr() == mine[1].data_ptr()
    middle = layer.columns(64, 192)
    kept = torch.zeros_like(x)
    kept[..., 64:192] = x[..., 64:192]
    torch.testing.assert_close(middle(x[..., 64:192]), layer(kept), atol=1e-4, rtol=1e-4)


def test_four_bits_end_where_a_group_or_a_block_does() -> None:
    layer = int4_layer(matrix(192, 256), 64)
    for cut, unit in ((lambda: layer.first_outputs(100), 64), (lambda: layer.columns(0, 100), 64)):
        with pytest.raises(UsageError, match=rf"cannot end at column 100\. Multiples of {unit} can"):
            cut()
