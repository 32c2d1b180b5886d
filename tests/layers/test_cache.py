"""Keys and values come back as they were put in, whatever was appended and cut off before."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speech3n.layers.cache import KVCache

LAYERS, HEADS, DIM = 2, 2, 3
FLOAT_BYTES = 4


def positions(start: int, count: int) -> Tensor:
    """Keys [1, K, count, D] of which no two numbers are the same."""
    marks = torch.arange(start, start + count, dtype=torch.float32)
    return (marks[:, None] * 100 + torch.arange(DIM)).expand(1, HEADS, -1, -1).clone()


def append(cache: KVCache, marks: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Append to every layer what stands for a pass, and count it."""
    stored = [cache.append(layer, marks + layer, -marks - layer) for layer in range(LAYERS)]
    cache.advance(marks.shape[2])
    return stored


# Lengths around those at which buffers grow, and cuts to a share of what there is.
STEPS = st.lists(st.integers(1, 5) | st.integers(250, 300) | st.floats(0, 1), max_size=12)


@settings(max_examples=60)
@given(STEPS, STEPS)
def test_appending_and_cutting_back_are_exact(steps: list[int | float], copied_steps: list[int | float]) -> None:
    cache, expected = KVCache(LAYERS), torch.zeros(1, HEADS, 0, DIM)
    cache, expected = follow(cache, expected, steps, 0)
    copy = cache.clone()
    assert (copy.length, copy.nbytes) == (cache.length, cache.nbytes)
    follow(copy, expected, copied_steps, 10_000)
    follow(cache, expected, [1], 20_000)


def follow(cache: KVCache, expected: Tensor, steps: list[int | float], mark: int) -> tuple[KVCache, Tensor]:
    """Append (int) and cut (float), and compare each layer with what plain concatenation gives."""
    for step in steps:
        if isinstance(step, float):
            length = int(step * cache.length)
            cache.truncate(length)
            expected = expected[:, :, :length]
        else:
            new = positions(mark, step)
            mark += step
            expected = torch.cat([expected, new], 2)
            for layer, (keys, values) in enumerate(append(cache, new)):
                assert torch.equal(keys, expected + layer)
                assert torch.equal(values, -expected - layer)
        assert cache.length == expected.shape[2]
    return cache, expected


def test_a_copy_shares_no_memory() -> None:
    cache = KVCache(LAYERS)
    append(cache, positions(0, 3))
    copy = cache.clone()
    cache.truncate(0)
    append(cache, positions(500, 3))
    assert torch.equal(append(copy, positions(3, 1))[0][0], positions(0, 4))


def test_buffers_double_so_that_growing_copies_each_position_about_once() -> None:
    cache = KVCache(LAYERS)
    assert cache.nbytes == 0
    sizes = []
    for start in range(0, 1200, 40):
        append(cache, positions(start, 40))
        sizes.append(cache.nbytes // (2 * LAYERS * HEADS * DIM * FLOAT_BYTES))
    assert sizes == [next(size for size in (256, 512, 1024, 2048) if size >= end) for end in range(40, 1201, 40)]


def test_cutting_back_keeps_the_buffers() -> None:
    cache = KVCache(LAYERS)
    append(cache, positions(0, 300))
    size, keys = cache.nbytes, append(cache, positions(300, 1))[0][0]
    cache.truncate(10)
    again = append(cache, positions(10, 5))[0][0]
    assert cache.nbytes == size
    assert again.data_ptr() == keys.data_ptr()


def test_a_pass_longer_than_twice_the_buffer_fits() -> None:
    cache = KVCache(LAYERS)
    append(cache, positions(0, 2))
    stored = append(cache, positions(2, 3000))[1]
    assert torch.equal(stored[0], positions(0, 3002) + 1)


@pytest.mark.parametrize("length", [-1, 4])
def test_a_cache_cannot_be_cut_to_what_it_does_not_have(length: int) -> None:
    cache = KVCache(LAYERS)
    append(cache, positions(0, 3))
    with pytest.raises(ValueError, match=f"3 positions cannot be cut to {length}"):
        cache.truncate(length)
