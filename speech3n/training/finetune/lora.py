"""Low-rank adaptation (LoRA, Hu et al. 2021, arXiv:2106.09685): small matrices learn beside large ones that stay.

A matrix W [N, K] becomes W + up down, with `down` [R, K] and `up` [N, R], R far smaller than N and K. At the end the
product is added to W, and the model has its old shape again.

Adapted is every matrix through which each token or frame goes: queries, keys, values, outputs and feed-forwards of
decoder and encoder, the encoder's convolutions' linear layers, and the bridge between both. A new voice or room is
learned in the encoder, new words in the decoder. Everything else stays exactly as it was: embeddings, per-layer
embeddings, norms, AltUp and LAuReL, which hold what languages and layers have in common, and of which few clips would
teach a few rows to the cost of all others.
"""

from __future__ import annotations

import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.nested import first_inputs, first_outputs, shallow

_ADAPTED = re.compile(
    r".*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj|post|ffw_layer_1|ffw_layer_2|linear_start|linear_end"
    r"|embedding_projection)"
)


class AdaptedLinear(nn.Module):
    """A frozen linear layer without bias, [..., K] to [..., N], and what is learned beside it, in float32."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base: nn.Module = base
        device = base.weight.device
        self.down = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.down, math.sqrt(5))
        self._outputs, self._inputs = slice(None), slice(None)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer whose weight is `merged`, computed in the type of `x`."""
        down, up = self.down[:, self._inputs].to(x.dtype), self.up[self._outputs].to(x.dtype)
        y: Tensor = self.base(x) + F.linear(F.linear(x, down), up)
        return y

    def first_outputs(self, width: int) -> AdaptedLinear:
        """The layer that gives the first `width` outputs; it learns the same numbers."""
        narrow = shallow(self)
        narrow.base, narrow._outputs = first_outputs(self.base, width), slice(width)
        return narrow

    def columns(self, start: int, end: int) -> AdaptedLinear:
        """The layer that reads the inputs up to `end`; it learns the same numbers. Raises ValueError for others."""
        if start:
            raise ValueError("Only the first inputs make a layer of their own.")
        narrow = shallow(self)
        narrow.base, narrow._inputs = first_inputs(self.base, end), slice(end)
        return narrow

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer that was adapted, with a new weight of its old type."""
        assert isinstance(self.base, nn.Linear)
        old = self.base.weight
        weight = torch.addmm(old.float(), self.up, self.down).to(old.dtype)
        self.base.weight = nn.Parameter(weight, requires_grad=False)
        return self.base


def adapt(model: nn.Module, rank: int, seed: int) -> None:
    """Freeze a model and put small matrices, drawn by a seed, beside the large ones; it still says the same."""
    torch.manual_seed(seed)
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and _ADAPTED.fullmatch(name):
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, AdaptedLinear(module, rank))


def merge(model: nn.Module) -> None:
    """Add what was learned to the large matrices, one after the other; no AdaptedLinear is left."""
    for name, module in list(model.named_modules()):
        if isinstance(module, AdaptedLinear):
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, module.merged())
