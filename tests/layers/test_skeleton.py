"""Modules of shapes alone, and what making them costs."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from speech3n.layers.skeleton import shapes_only
from tests.conftest import REPOSITORY


def test_modules_have_shapes_and_nothing_else_until_a_checkpoint_fills_them() -> None:
    with shapes_only():
        module = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 5), nn.LayerNorm(5))
    assert {name: tuple(weight.shape) for name, weight in module.state_dict().items()} == {
        "0.weight": (3, 4),
        "1.weight": (5, 4),
        "1.bias": (5,),
        "2.weight": (5,),
        "2.bias": (5,),
    }
    assert {weight.device.type for weight in module.parameters()} == {"meta"}
    torch.manual_seed(0)
    made = nn.Embedding(3, 4).weight
    torch.manual_seed(0)
    assert torch.equal(made, torch.randn(3, 4)), "outside, initial values are drawn as ever"


def test_loading_a_checkpoint_does_not_load_the_compiler_of_torch() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom speech3n.models.gemma3n.checkpoint import load\n"
        f"load(Path({str(REPOSITORY / 'tests' / 'data' / 'gemma3n-memorised')!r}))\n"
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
