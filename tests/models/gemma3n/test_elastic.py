"""Submodels of one set of weights: equal to sliced checkpoints, and exact where a stream changes from one to another.

What is expected comes from models with memory of their own, cut by hand, that hand one cache from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.decoding import generate as generation
from speech3n.errors import UsageError
from speech3n.layers import linear as packing
from speech3n.layers.linear import pack_linears
from speech3n.models.gemma3n.config import TextConfig
from speech3n.models.gemma3n.elastic import Submodels, shares_cache, sizes_of, submodel_of
from speech3n.models.gemma3n.incremental import CachedDecoder, IncrementalDecoder, SharedModel
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import PRESETS, Size
from speech3n.runtime.processor import packs_matrices
from tests.layers.rounded import Rounded
from tests.models.gemma3n.pairs import TOLERANCE, VISION, build_pair, difference
from tests.models.gemma3n.slices import CONFIG, EARLY, MIXED, NARROW, SMALL, WIDE, model_by_hand, reference_by_hand
from tests.models.gemma3n.test_incremental import PROMPT, noise

WHOLE = Size("all")
SIZES = [WHOLE, SMALL, MIXED, WIDE, NARROW]
NAMES = [size.name for size in SIZES]
EXACT = 1e-5


@pytest.fixture(scope="module")
def pair() -> tuple[Gemma3n, Any]:
    return build_pair(CONFIG, seed=21)


@pytest.fixture(scope="module")
def submodels() -> Submodels:
    return Submodels(build_pair(CONFIG, seed=21)[0], SIZES)


@pytest.fixture(scope="module")
def apart(pair: tuple[Gemma3n, Any]) -> dict[str, Gemma3n]:
    """Each size as a model of its own."""
    return {size.name: model_by_hand(pair[0], size) for size in SIZES}


@pytest.fixture(autouse=True)
def _no_gradients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(generation, "is_loop", lambda tokens: False)
    with torch.inference_mode():
        yield


def text_ids(length: int, seed: int = 1) -> Tensor:
    return torch.randint(0, VISION, (1, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_stream_on_a_submodel_equals_the_sliced_checkpoint(
    submodels: Submodels, apart: dict[str, Gemma3n], name: str
) -> None:
    submodel, expected = submodels[name], apart[name]
    assert submodel.config == expected.config
    ids = text_ids(40)
    assert difference(submodel(ids), expected(ids)) < EXACT
    mine, theirs = submodel.language_model.new_cache(), expected.language_model.new_cache()
    for start, end in ((0, 25), (25, 26), (26, 27), (27, 40)):
        part = ids[:, start:end]
        assert difference(submodel(part, cache=mine, read=1), expected(part, cache=theirs, read=1)) < EXACT
    assert difference(submodel(ids), apart[WHOLE.name](ids)) > 1000 * EXACT or name == WHOLE.name


@pytest.mark.parametrize("name", NAMES)
def test_without_blocks_a_submodel_is_the_sliced_checkpoint_bit_for_bit(
    pair: tuple[Gemma3n, Any], apart: dict[str, Gemma3n], name: str
) -> None:
    size = next(size for size in SIZES if size.name == name)
    ids = text_ids(40)
    assert torch.equal(submodel_of(pair[0], size.of(CONFIG.text))(ids), apart[name](ids))


def test_a_submodel_costs_no_memory_and_is_made_once(submodels: Submodels) -> None:
    whole = {parameter.untyped_storage().data_ptr() for parameter in submodels["all"].parameters()}
    for name in NAMES:
        assert {parameter.untyped_storage().data_ptr() for parameter in submodels[name].parameters()} <= whole
        assert submodels[name] is submodels[name]
        assert submodels[name].audio_tower is submodels["all"].audio_tower


def test_submodels_are_in_order_of_their_size(submodels: Submodels) -> None:
    assert submodels.names == ("small", "narrow", "mixed", "wide", "all")
    assert submodels.largest is submodels["all"]


def test_layers_that_are_left_out_are_not_run(submodels: Submodels) -> None:
    run: list[int] = []
    hooks = [
        layer.self_attn.register_forward_hook(lambda *_, number=number: run.append(number))
        for number, layer in enumerate(submodels["all"].language_model.layers)
    ]
    submodels["small"](text_ids(3))
    for hook in hooks:
        hook.remove()
    assert run == [0, 1, 2, 3, 4, 6, 8, 9]


plans = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 12), st.integers(0, 8), st.integers(1, 4)), min_size=2, max_size=7
)


@settings(max_examples=25)
@given(plans, st.integers(0, 99))
def test_after_any_changes_and_cuts_each_pass_is_that_of_its_path_from_the_last_common_point(
    submodels: Submodels, apart: dict[str, Gemma3n], plan: list[tuple[str, int, int, int]], seed: int
) -> None:
    """The expected side copies the cache at each point, and runs only the submodel in question from there."""
    elastic = CachedDecoder(submodels["all"])
    cache = apart["all"].language_model.new_cache()
    for number, (name, length, cut, read) in enumerate(plan):
        common = max(0, elastic.length - cut)
        elastic.truncate(common)
        cache.truncate(common)
        elastic.use_submodel(submodels[name])
        ids = text_ids(length, seed * 10 + number)
        logits = elastic.extend(ids[0].tolist(), min(read, length))[:]
        cache = cache.clone()
        expected = apart[name](ids, cache=cache, read=min(read, length))[0, :, :VISION]
        assert difference(logits, expected) < EXACT


def test_what_was_read_stays_as_its_path_left_it_and_an_empty_cache_is_all_the_new_paths(
    submodels: Submodels, apart: dict[str, Gemma3n]
) -> None:
    ids, more = text_ids(20)[0].tolist(), text_ids(5, seed=2)[0].tolist()
    decoder = CachedDecoder(submodels["all"])
    decoder.extend(ids, 1)
    decoder.use_submodel(submodels["small"])
    mixed = decoder.extend(more, 5)[:]
    pure = CachedDecoder(apart["small"])
    pure.extend(ids, 1)
    assert difference(mixed, pure.extend(more, 5)[:]) > 1000 * EXACT
    decoder.truncate(0)
    decoder.extend(ids, 1)
    pure.truncate(20)
    assert difference(decoder.extend(more, 5)[:], pure.extend(more, 5)[:]) < EXACT


@pytest.mark.parametrize("size", [SMALL, MIXED, NARROW], ids=lambda size: size.name)
def test_a_change_equals_transformers_going_on_with_the_cache_of_the_whole_model(
    pair: tuple[Gemma3n, Any], submodels: Submodels, size: Size
) -> None:
    whole, small = pair[1], reference_by_hand(pair[0], size)
    ids, more = text_ids(20), text_ids(6, seed=2)
    past = whole(input_ids=ids, use_cache=True).past_key_values
    decoder = CachedDecoder(submodels["all"])
    decoder.extend(ids[0].tolist(), 1)
    decoder.use_submodel(submodels[size.name])
    for place in range(more.shape[1]):
        token = more[:, place : place + 1]
        expected = small(input_ids=token, past_key_values=past, use_cache=True).logits[0, :, :VISION]
        assert difference(decoder.extend(token[0].tolist(), 1)[:], expected) < TOLERANCE


def test_a_decoder_changes_between_answers_and_keeps_the_audio_before(
    submodels: Submodels, apart: dict[str, Gemma3n], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against models of their own that hand on one cache; the old answer as a draft changes nothing."""
    decoder, expected = (
        IncrementalDecoder(SharedModel(LogMel(), model), PROMPT) for model in (submodels["all"], apart["all"])
    )
    draft: tuple[int, ...] = ()
    answers = []
    for number, name in enumerate(["all", "small", "small", "mixed", "all"]):
        for stream in (decoder, expected):
            stream.append_audio(noise(12_000, number))
        decoder.use_submodel(submodels[name])
        expected._cached._model = apart[name]
        generated = decoder.generate(draft, stop=(), limit=10)
        wanted = expected.generate(stop=(), limit=10)
        assert generated.tokens == wanted.tokens
        assert generated.logprobs == pytest.approx(wanted.logprobs, abs=1e-3)
        draft = generated.tokens
        answers.append(draft)
    pure = IncrementalDecoder(SharedModel(LogMel(), apart["small"]), PROMPT)
    pure.append_audio(noise(12_000, 0))
    assert pure.generate(stop=(), limit=10).tokens != answers[0]


def test_packed_submodels_share_their_blocks_and_say_the_same(
    apart: dict[str, Gemma3n], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_SMALLEST", 1)
    packed: list[int] = []
    pack = packing.PackedLinear.__init__

    def counted(self: packing.PackedLinear, weight: Tensor) -> None:
        packed.append(weight.numel())
        pack(self, weight)

    monkeypatch.setattr(packing.PackedLinear, "__init__", counted)
    submodels = Submodels(build_pair(CONFIG, seed=21)[0], SIZES, pack_linears)
    plain = [module.weight.numel() for module in apart["all"].modules() if type(module) is torch.nn.Linear]
    assert sum(packed) == (sum(plain) if packs_matrices(torch.float32) else 0)
    for name in NAMES:
        for ids in (text_ids(30), text_ids(1)):
            assert difference(submodels[name](ids), apart[name](ids)) < TOLERANCE


@pytest.mark.parametrize("sizes", [SIZES, [SMALL]], ids=["several", "one"])
def test_layers_that_hold_their_weights_in_another_form_have_paths_too(
    apart: dict[str, Gemma3n], sizes: list[Size]
) -> None:
    model = build_pair(CONFIG, seed=21)[0]
    for layer in model.language_model.layers:
        for name in ("gate_proj", "down_proj"):
            setattr(layer.mlp, name, Rounded(getattr(layer.mlp, name).weight.data))
    submodels = Submodels(model, sizes)
    for name in submodels.names:
        assert difference(submodels[name](text_ids(9)), apart[name](text_ids(9))) < EXACT


def test_what_the_only_size_leaves_out_is_never_prepared(apart: dict[str, Gemma3n]) -> None:
    seen: list[torch.nn.Module] = []
    submodels = Submodels(build_pair(CONFIG, seed=21)[0], [SMALL], seen.append)
    assert seen == [submodels["small"]]
    assert len(submodels["small"].language_model.layers) == 8
    assert torch.equal(submodels.largest(text_ids(9)), apart["small"](text_ids(9)))


def test_a_size_without_a_layer_that_has_keys_of_its_own_stands_alone(pair: tuple[Gemma3n, Any]) -> None:
    model = build_pair(CONFIG, seed=21)[0]
    with pytest.raises(UsageError, match="cannot change to the size 'early': it leaves out layer 1, which has keys"):
        Submodels(model, [WHOLE, EARLY])
    alone = Submodels(model, [EARLY])
    assert difference(alone["early"](text_ids(9)), model_by_hand(pair[0], EARLY)(text_ids(9))) < EXACT
    assert not shares_cache(alone["early"], model)
    with pytest.raises(ValueError, match="not those of the cache"):
        CachedDecoder(model).use_submodel(alone["early"])


def test_a_stream_cannot_change_to_other_weights(pair: tuple[Gemma3n, Any], apart: dict[str, Gemma3n]) -> None:
    assert not shares_cache(pair[0], apart["all"])
    with pytest.raises(ValueError, match="not those of the cache"):
        IncrementalDecoder(SharedModel(LogMel(), pair[0]), PROMPT).use_submodel(apart["all"])


def test_an_e4b_holds_both_published_sizes_and_other_models_hold_themselves() -> None:
    assert sizes_of(TextConfig()) == (PRESETS["e2b"], PRESETS["e4b"])
    e2b = TextConfig(num_hidden_layers=30, num_kv_shared_layers=10, intermediate_size=(8192,) * 30)
    assert [size.of(e2b).is_whole(e2b) for size in sizes_of(e2b)] == [True]
    assert [size.of(CONFIG.text).is_whole(CONFIG.text) for size in sizes_of(CONFIG.text)] == [True]


def test_a_model_with_a_size_of_its_own_holds_that_and_itself() -> None:
    half = Size("half", 64)
    assert [size.name for size in sizes_of(CONFIG.text, {"half": half})] == ["half", "whole"]
    # Cut out of it, the half is all there is.
    assert sizes_of(half.of(CONFIG.text).config(CONFIG.text), {"half": half}) == (half,)
    assert [size.name for size in sizes_of(CONFIG.text, {"half": Size("half", 4096)})] == ["whole"]
