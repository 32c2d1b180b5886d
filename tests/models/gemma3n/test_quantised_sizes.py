"""Sizes of quantised weights: the paths of a quantised model, and what cannot be sliced any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from speech3n.errors import ModelError, UsageError
from speech3n.layers.quantised import Int4Linear
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.elastic import Submodels
from speech3n.models.gemma3n.incremental import CachedDecoder
from speech3n.models.gemma3n.matformer import slice_checkpoint
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.models.gemma3n.sizes import WHOLE, Size

MEMORISED = Path(__file__).parents[2] / "data" / "gemma3n-memorised"
IDS = torch.arange(2, 42)[None]
SMALL = Size("small", 128, (4,))


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantised") / "int8"
    quantise_checkpoint(MEMORISED, RECIPES["int8"], folder)
    return folder


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("sizes", [(WHOLE, SMALL), (SMALL,)], ids=["several", "one"])
def test_a_path_of_a_quantised_model_is_near_that_of_the_original(quantised: Path, sizes: tuple[Size, ...]) -> None:
    rounded, plain = Submodels(load(quantised).float(), sizes), Submodels(load(MEMORISED).float(), [WHOLE, SMALL])
    for name in rounded.names:
        assert error(rounded[name](IDS), plain[name](IDS)) < 0.06
    assert error(rounded["small"](IDS), plain["whole"](IDS)) > 0.2


def test_a_stream_changes_between_the_sizes_of_a_quantised_model(quantised: Path) -> None:
    rounded, plain = (
        Submodels(load(quantised).float(), [WHOLE, SMALL]),
        Submodels(load(MEMORISED).float(), [WHOLE, SMALL]),
    )
    answers = []
    for submodels in (rounded, plain):
        decoder = CachedDecoder(submodels["whole"])
        decoder.extend(IDS[0, :30].tolist(), 1)
        decoder.use_submodel(submodels["small"])
        answers.append(decoder.extend(IDS[0, 30:].tolist(), 10)[:])
    assert error(*answers) < 0.06


def test_four_bits_have_sizes_at_whole_groups_only() -> None:
    model = load(MEMORISED).float()
    for layer in model.language_model.layers:
        layer.mlp.down_proj = Int4Linear(192, 64, 32)
    with pytest.raises(UsageError, match=r"in four bits cannot end at column 100\. Multiples of 32 can"):
        Submodels(model, [WHOLE, Size("odd", 100)])


def test_a_quantised_checkpoint_is_not_sliced(quantised: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is quantised\. Slice the original checkpoint, then quantise"):
        slice_checkpoint(quantised, SMALL, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_slice_can_be_quantised(tmp_path: Path) -> None:
    folder = slice_checkpoint(MEMORISED, SMALL, tmp_path / "small").folder
    quantise_checkpoint(folder, RECIPES["int8"], tmp_path / "int8")
    expected = load(folder).float()(IDS)
    assert error(load(tmp_path / "int8").float()(IDS), expected) < 0.06
