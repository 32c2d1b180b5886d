"""Sizes: the published ones, files, and those that a model doesn't have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.errors import UsageError
from speech3n.models.gemma3n.config import FULL, SLIDING, TextConfig
from speech3n.models.gemma3n.sizes import PRESETS, Size
from tests.models.gemma3n.slices import CONFIG

E4B = TextConfig()
E2B = TextConfig(num_hidden_layers=30, num_kv_shared_layers=10, intermediate_size=(8192,) * 30)
"""As published."""


def test_e2b_is_cut_out_of_e4b_as_published() -> None:
    assert PRESETS["e2b"].of(E4B).config(E4B) == E2B
    model = PRESETS["e4b"].of(E4B)
    assert model.config(E4B) == E4B
    assert model.is_whole(E4B)
    assert not PRESETS["e2b"].of(E4B).is_whole(E4B)


def test_an_e2b_on_disk_is_its_own_e2b_and_holds_no_e4b() -> None:
    assert PRESETS["e2b"].of(E2B).is_whole(E2B)
    with pytest.raises(UsageError, match="size 'e4b' does not fit the model: the model is an E2B, which is smaller"):
        PRESETS["e4b"].of(E2B)
    # A file of the same name is what it says.
    assert set(Size("e2b", 4096).of(E2B).widths) == {4096}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.toml", "ffn = 96\nskip = [5, 6]", Size("a", 96, (5, 6))),
        ("b.toml", "# all\n", Size("b")),
        ("c.json", '{"ffn": [1, 2], "skip": []}', Size("c", (1, 2))),
        ("d.json", '{"skip": [7]}', Size("d", None, (7,))),
    ],
)
def test_a_size_is_read_from_a_file(tmp_path: Path, name: str, text: str, expected: Size) -> None:
    (tmp_path / name).write_text(text)
    assert Size.named(str(tmp_path / name)) == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "ffn 96", "a.toml' is not valid TOML"),
        ("a.json", '{"ffn": 96', "a.json' is not valid JSON"),
        ("a.json", "[" * 60_000, "a.json' is not valid JSON"),
        ("a.json", "[]", "does not hold an object"),
        ("a.toml", "fnn = 3", "unknown key 'fnn'. Did you mean ffn?"),
        ("a.toml", "layers = 3", "unknown key 'layers'. A size file holds, for example"),
        ("a.toml", "ffn = true", "ffn is True, not a number of columns or a list of them"),
        ("a.toml", "ffn = 1.5", "ffn is 1.5, not"),
        ("a.toml", "ffn = -8", "ffn is -8, not"),
        ("a.toml", "ffn = [8, 'x']", "ffn is [8, 'x'], not"),
        ("a.toml", "skip = 20", "skip is 20, not a list of layers"),
        ("a.toml", "skip = [-1]", "skip is [-1], not a list of layers"),
        ("a.toml", "#" * 70_000, "far too large"),
    ],
)
def test_a_file_that_is_no_size_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as error:
        Size.named(str(tmp_path / name))
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_size_that_is_no_file_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"There is no size 'e3b'\. Sizes are e2b and e4b, or a file\."):
        Size.named("e3b")


def test_a_model_may_have_sizes_of_its_own() -> None:
    half = Size("half", 64)
    assert Size.named("half", {"half": half}) == half
    with pytest.raises(UsageError, match=r"There is no size 'e2b'\. Sizes are half, or a file\."):
        Size.named("e2b", {"half": half})
    with pytest.raises(UsageError, match=r"There is no size 'half'\. A size file holds"):
        Size.named("half", {})
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(UsageError, match="There is no size"):
            Size.named(name)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (Size("s", 129), "ffn has 129 columns for layer 0, and the model's layer has 1 to 128"),
        (Size("s", 0), "ffn has 0 columns for layer 0"),
        (Size("s", (128,) * 7 + (200,), (5, 6)), "ffn has 200 columns for layer 9"),
        (Size("s", (64,) * 10, (5,)), "ffn lists 10 layers, and 9 stay"),
        (Size("s", None, (10,)), "skip names layer 10, and the model has layers 0 to 9"),
        (Size("s", None, (6, 6)), "skip names a layer twice"),
        (Size("s", None, tuple(range(10))), "skip leaves no layer"),
        (Size("s", None, (3,)), "skip leaves out layer 3, whose sliding attention's keys and values layer 5 shares"),
        (Size("s", None, (4,)), "skip leaves out layer 4, whose full attention's keys and values layer 9 shares"),
        (Size("s", None, (0, 1, 2, 3, 4)), "skip leaves out layer 3"),
        (PRESETS["e2b"], "skip names layer 20"),
    ],
)
def test_a_size_that_the_model_does_not_have_is_named(size: Size, message: str) -> None:
    with pytest.raises(UsageError) as error:
        size.of(CONFIG.text)
    assert f"The size '{size.name}' does not fit the model: {message}" in str(error.value)


def test_a_layer_may_go_when_those_that_shared_its_keys_go_too() -> None:
    model = Size("s", None, (4, 9)).of(CONFIG.text)
    assert model.layers == (0, 1, 2, 3, 5, 6, 7, 8)
    assert model.config(CONFIG.text).num_kv_shared_layers == 4


@settings(max_examples=200)
@given(st.sets(st.integers(0, 9)), st.lists(st.sampled_from([FULL, SLIDING]), min_size=10, max_size=10))
def test_layers_share_the_keys_they_were_trained_with_or_the_size_is_refused(skip: set[int], types: list[str]) -> None:
    if not set(types[5:]) <= set(types[:5]):
        return
    text = replace(CONFIG.text, layer_types=tuple(types))
    kept = [layer for layer in range(10) if layer not in skip]
    fits = bool(kept) and all(text.kv_layer(layer) in kept for layer in kept)
    try:
        model = Size("s", None, tuple(sorted(skip))).of(text)
    except UsageError:
        assert not fits
        return
    assert fits
    cut = model.config(text)
    for place, layer in enumerate(kept):
        assert kept[cut.kv_layer(place)] == text.kv_layer(layer)
