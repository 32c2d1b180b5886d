"""A checkpoint is quantised a few rows at a time, and is what it would be at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from speech3n.models.gemma3n import pieces, quantise
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint

MEMORISED = Path(__file__).parents[2] / "data" / "gemma3n-memorised"
_WIDEST = 256


def test_small_blocks_and_several_files_make_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quantise_checkpoint(MEMORISED, RECIPES["int4"], tmp_path / "one")
    monkeypatch.setattr(pieces, "_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(quantise, "_SHARD_BYTES", 100_000)
    blocks: list[int] = []
    read = pieces.read_blocks

    def watched(source: pieces.TensorSource, multiple: int) -> Iterator[Tensor]:
        for block in read(source, multiple):
            blocks.append(block.nbytes)
            yield block

    monkeypatch.setattr(quantise, "read_blocks", watched)
    quantise_checkpoint(MEMORISED, RECIPES["int4"], tmp_path / "many")
    # 64 rows are as few as can be packed.
    assert max(blocks) <= 64 * _WIDEST * 2
    assert len(list((tmp_path / "many").glob("model-*-of-*.safetensors"))) > 3
    expected = load(tmp_path / "one").state_dict()
    found = load(tmp_path / "many").state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
