"""The decoder against transformers, on random weights: prefill, steps, windows, and cutting back."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speech3n.models.gemma3n.model import Gemma3n
from tests.models.gemma3n.pairs import E2B, E4B, TOLERANCE, VISION, VOCABULARY, build_pair, difference, small_config

LENGTH = 60
"""Several times the sliding window of 8."""


@pytest.fixture(scope="module", params=[E2B, E4B], ids=["E2B", "E4B"])
def pair(request: pytest.FixtureRequest) -> tuple[Gemma3n, Any]:
    return build_pair(small_config(request.param))


@pytest.fixture(autouse=True)
def _no_gradients() -> Any:
    with torch.inference_mode():
        yield


def text_ids(batch: int = 1, length: int = LENGTH, seed: int = 1) -> Tensor:
    return torch.randint(0, VISION, (batch, length), generator=torch.Generator().manual_seed(seed))


def test_logits_of_all_positions_equal_the_reference(pair: tuple[Gemma3n, Any]) -> None:
    ours, reference = pair
    ids = text_ids(batch=3)
    assert difference(ours(ids), reference(input_ids=ids).logits) < TOLERANCE


def test_ids_outside_the_per_layer_table_and_in_the_audio_vocabulary_equal_the_reference(
    pair: tuple[Gemma3n, Any],
) -> None:
    ours, reference = pair
    ids = torch.tensor([[2, 5, 250, 264, 300, VOCABULARY - 1, 7]])
    assert difference(ours(ids), reference(input_ids=ids).logits) < TOLERANCE


def test_decoding_step_by_step_equals_the_references_cache(pair: tuple[Gemma3n, Any]) -> None:
    ours, reference = pair
    ids = text_ids()
    cache = ours.language_model.new_cache()
    past = reference(input_ids=ids[:, :20], use_cache=True).past_key_values
    ours(ids[:, :20], cache=cache, read=0)
    for place in range(20, LENGTH):
        token = ids[:, place : place + 1]
        expected = reference(input_ids=token, past_key_values=past, use_cache=True)
        past = expected.past_key_values
        assert difference(ours(token, cache=cache), expected.logits) < TOLERANCE


@pytest.mark.parametrize("read", [1, 5])
def test_prefill_that_stops_early_gives_the_logits_of_the_full_computation(
    pair: tuple[Gemma3n, Any], read: int
) -> None:
    ours, reference = pair
    ids = text_ids()
    cache = ours.language_model.new_cache()
    logits = ours(ids, cache=cache, read=read)
    assert difference(logits, reference(input_ids=ids).logits[:, -read:]) < TOLERANCE
    # What stopped early has left everything that later positions need.
    more = text_ids(length=9, seed=2)
    expected = reference(input_ids=torch.cat([ids, more], 1)).logits[:, -9:]
    assert difference(ours(more, cache=cache), expected) < TOLERANCE


def test_positions_that_nobody_reads_never_reach_the_upper_layers(pair: tuple[Gemma3n, Any]) -> None:
    ours, _ = pair
    computed: dict[int, int] = {}
    hooks = [
        layer.mlp.register_forward_hook(
            lambda _, inputs, __, layer=number: computed.update({layer: inputs[0].shape[1]})
        )
        for number, layer in enumerate(ours.language_model.layers)
    ]
    first_shared = ours.config.text.first_shared_layer
    ours(text_ids(), cache=ours.language_model.new_cache(), read=1)
    for hook in hooks:
        hook.remove()
    assert [computed[layer] for layer in range(first_shared - 1)] == [LENGTH] * (first_shared - 1)
    assert {computed[layer] for layer in range(first_shared - 1, len(computed))} == {1}


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 25), st.integers(0, 12)), min_size=1, max_size=6), st.integers(0, 99))
def test_any_chunks_with_any_cuts_between_them_equal_one_pass(
    pair: tuple[Gemma3n, Any], plan: list[tuple[int, int]], seed: int
) -> None:
    ours, _ = pair
    cache = ours.language_model.new_cache()
    kept = torch.zeros(1, 0, dtype=torch.long)
    logits = torch.zeros(0)
    for number, (length, cut) in enumerate(plan):
        new = text_ids(length=length, seed=seed * 10 + number)
        kept = torch.cat([kept[:, : max(0, kept.shape[1] - cut)], new], 1)
        cache.truncate(kept.shape[1] - length)
        logits = ours(new, cache=cache, read=min(length, 3))
    assert cache.length == kept.shape[1]
    assert difference(logits, ours(kept)[:, -logits.shape[1] :]) < TOLERANCE


def test_a_cut_cache_of_several_windows_equals_one_that_never_went_further(pair: tuple[Gemma3n, Any]) -> None:
    ours, _ = pair
    ids = text_ids(length=200)
    cache = ours.language_model.new_cache()
    ours(ids, cache=cache, read=0)
    cache.truncate(100)
    fresh = ours.language_model.new_cache()
    ours(ids[:, :100], cache=fresh, read=0)
    more = text_ids(length=30, seed=3)
    assert difference(ours(more, cache=cache), ours(more, cache=fresh)) < TOLERANCE


def test_a_cache_cannot_be_cut_to_more_than_it_has(pair: tuple[Gemma3n, Any]) -> None:
    cache = pair[0].language_model.new_cache()
    with pytest.raises(ValueError, match="cannot be cut"):
        cache.truncate(1)


def test_a_cloned_cache_goes_on_by_itself(pair: tuple[Gemma3n, Any]) -> None:
    ours, _ = pair
    cache = ours.language_model.new_cache()
    ours(text_ids(), cache=cache, read=0)
    copy = cache.clone()
    ours(text_ids(length=5, seed=8), cache=copy, read=0)
    more = text_ids(length=5, seed=9)
    expected = ours(torch.cat([text_ids(), more], 1))[:, -5:]
    assert difference(ours(more, cache=cache), expected) < TOLERANCE
    assert copy.length == cache.length


def test_a_model_without_shared_layers_works_as_well() -> None:
    ours, reference = build_pair(small_config((6, 0), layer_types=["sliding_attention", "full_attention"] * 3))
    ids = text_ids()
    assert difference(ours(ids), reference(input_ids=ids).logits) < TOLERANCE
    assert difference(ours(ids, cache=ours.language_model.new_cache(), read=2), ours(ids)[:, -2:]) < TOLERANCE


def test_another_active_stream_and_unscaled_output_equal_the_reference() -> None:
    ours, reference = build_pair(small_config(altup_active_idx=1, altup_correct_scale=False))
    ids = text_ids()
    assert difference(ours(ids), reference(input_ids=ids).logits) < TOLERANCE
