"""Products in float32 of a matrix that is held in fewer bits, for processors that multiply those badly.

Without AVX-512, torch multiplies bfloat16 row by row of the activations, in a time that grows with each of them, and
int8 not exactly. In float32 eight rows take 0.6 of the time and two hundred 0.3, and are no less exact: the matrix is
widened a part at a time, in memory that is used again and is still in the cache when it is read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from speech3n.layers.scratch import Scratch

_VALUES_AT_ONCE = 1 << 20
"""Values that are widened at a time, 4 MB: with a quarter of them or with four times as many it takes longer."""
_SCRATCH = Scratch()


def widened_product(x: Tensor, weight: Tensor) -> Tensor:
    """`x` [R, K] times the transpose of `weight` [N, K], of any type and lying either way; float32 [R, N]."""
    x = x.float()
    parts = []
    for part in torch.split(weight, max(1, _VALUES_AT_ONCE // weight.shape[1])):
        # In the order in which it lies: turning it around would take longer than the product.
        lies_in_rows = part.stride(-1) == 1
        lying = part if lies_in_rows else part.t()
        wide = _SCRATCH.take("wide", tuple(lying.shape), torch.float32).copy_(lying)
        parts.append(x @ (wide.t() if lies_in_rows else wide))
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
