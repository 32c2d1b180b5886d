"""A large Gemma 3n, in bfloat16 and in few bits, understands speech on processors without the fast kernels, too."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
import torch

from speech3n.engines.base import StreamOptions
from speech3n.engines.gemma import engine as engine_module
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.layers import linear, quantised
from speech3n.layers.linear import WidenedLinear
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from tests.conftest import EXAMPLES, REPOSITORY, read_waveform

MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
CLIPS = [json.loads(line) for line in (MEMORISED / "clips.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, recipe in RECIPES.items():
        quantise_checkpoint(MEMORISED, recipe, folder / name)
    return {"bfloat16": MEMORISED} | {name: folder / name for name in RECIPES}


@pytest.fixture(params=["this one", "with kernels for few bits", "with none"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A processor, for which the memorising checkpoint is a large one."""
    monkeypatch.setattr(engine_module, "_LARGE", 1)
    monkeypatch.setattr(linear, "_SMALLEST", 1)
    if request.param != "this one":
        monkeypatch.setattr(linear, "packs_matrices", lambda _: False)
        monkeypatch.setattr(quantised, "multiplies_int8_exactly", lambda: False)
    if request.param == "with none":
        monkeypatch.setattr(quantised, "has_few_bit_kernels", lambda: False)
    return str(request.param)


@pytest.mark.parametrize("weights", ["bfloat16", *RECIPES])
def test_it_recites_what_it_knows(weights: str, processor: str, checkpoints: dict[str, Path]) -> None:
    clip = next(clip for clip in CLIPS if clip["language"] == "pt")
    with closing(Gemma3nEngine(checkpoints[weights], weights)) as engine:
        kinds = {type(module) for module in engine.shared.model.modules()}
        assert (WidenedLinear in kinds) == (not linear.packs_matrices(torch.bfloat16))
        stream = engine.open_stream(StreamOptions(language="pt", translate=True))
        stream.accept_waveform(read_waveform(EXAMPLES / Path(clip["audio"]).name))
        stream.input_finished()
        hypothesis = stream.decode()
    assert hypothesis is not None
    assert hypothesis.translation is not None
    assert [word.text for word in hypothesis.words] == clip["text"].split()
    assert list(hypothesis.translation) == clip["translation_en"].split()
