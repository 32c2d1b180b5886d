"""Matrices in few bits: rounded to the nearest of 256 values a row, or of 16 values a group of a row.

The sixteen values of a group are multiples of one step, -8 to 7 times, and the step is a whole multiple (1 to 16) of
the row's own. So a matrix in four bits is at the same time one in eight: its products with many rows can be whole
numbers throughout. A step may be negative (-1 to -15 times the row's): then the eighth multiple lies among the positive
values. The largest value of a group gets it, which makes all steps smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from speech3n.layers.scratch import Scratch

GROUPS = (32, 64, 128)
"""Columns that may share a step: what torch's kernel takes."""
BLOCK = 64
"""Rows that lie together in four bits: a vector register of AVX-512 for the halves of a byte."""
_LARGEST = 16
"""A step is at most so many times the row's; one less below zero, because -8 times -16 is more than a byte holds."""
_RANGES = (0.94, 0.875, 0.81, 0.75)
"""Steps that are tried, as parts of a seventh of a group's largest value: with the second, eight reach it.

Cutting off one value may serve the others.
"""
_TILE = 8


@dataclass(frozen=True, slots=True)
class Int4Matrix:
    """A matrix [N, K]: `packed` uint8 [N / 64, K, 32], `multiples` uint8 [N, K / group], `row_scale` float32 [N].

    An entry is `(nibble - 8) * step`, of `steps`. A byte holds rows n (its low half) and n + 32 of a block of 64,
    which is how `aten::_weight_int4pack_mm_for_cpu` reads it with AVX-512.
    """

    packed: Tensor
    multiples: Tensor
    row_scale: Tensor


def round_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix [N, K] as int8 [N, K] and float32 scales [N] with an error of half a scale at most."""
    weight = weight.float()
    scale = (weight.abs().amax(-1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    return (weight / scale[:, None]).round_().clamp_(-127, 127).to(torch.int8), scale


def round_int4(weight: Tensor, group: int) -> Int4Matrix:
    """A matrix [N, K], N a multiple of 64 and K of `group`, in four bits; of each group's steps the best is taken."""
    rows, columns = weight.shape
    grouped = weight.float().view(rows, columns // group, group)
    step = grouped.gather(-1, grouped.abs().argmax(-1, keepdim=True)).squeeze(-1) / -7
    row_scale = _few_bits(step.abs().amax(-1) / _LARGEST)
    best = torch.full_like(step, torch.inf)
    multiples = torch.zeros_like(step)
    values = torch.zeros_like(grouped)
    for part in _RANGES:
        tried = (step * part / row_scale[:, None]).round().clamp(1 - _LARGEST, _LARGEST)
        tried = torch.where(tried == 0, 1.0, tried)
        scale = (tried * row_scale[:, None])[..., None]
        rounded = (grouped / scale).round_().clamp_(-8, 7)
        error = (rounded * scale).sub_(grouped).square_().sum(-1)
        better = error < best
        best = torch.where(better, error, best)
        multiples = torch.where(better, tried, multiples)
        values = torch.where(better[..., None], rounded, values)
    nibbles = (values + 8).to(torch.uint8).view(rows, columns)
    return Int4Matrix(pack(nibbles), multiples.to(torch.int8).view(torch.uint8), row_scale)


def steps(multiples: Tensor, row_scale: Tensor) -> Tensor:
    """The steps [N, K / group] of an `Int4Matrix`, or of some of its rows, in float32."""
    return multiples.view(torch.int8) * row_scale[:, None]


def pack(nibbles: Tensor) -> Tensor:
    """Numbers from 0 to 15, uint8 [N, K], two to a byte, [N / 64, K, 32]."""
    halves = nibbles.view(-1, 2, BLOCK // 2, nibbles.shape[1])
    return (halves[:, 0] | (halves[:, 1] << 4)).transpose(1, 2).contiguous()


def unpack(packed: Tensor) -> Tensor:
    """What `pack` was given, uint8 [N, K]."""
    return torch.cat([packed & 15, packed >> 4], -1).transpose(1, 2).flatten(0, 1)


def expand(packed: Tensor, multiples: Tensor, scratch: Scratch | None = None) -> Tensor:
    """The matrix in units of its rows' scales, transposed, int8 [K, N]; exact, and valid until `scratch` serves again.

    As few passes over the bytes as can be, and on bytes that wrap around: this is what a prompt waits for.
    """
    scratch = scratch or Scratch()
    blocks, columns, half = packed.shape
    groups = multiples.shape[1]
    # Eight columns side by side: short rows take longer.
    by_group = multiples.view(blocks, 2, half, groups).permute(1, 0, 3, 2).contiguous()
    tiles = by_group.repeat(1, 1, 1, _TILE)[:, :, :, None]
    offsets = tiles * 248  # -8, in a byte
    expanded = scratch.take("expanded", (columns, blocks, 2, half), torch.uint8)
    nibbles = scratch.take("nibbles", tuple(packed.shape), torch.uint8)
    tiled = nibbles.view(blocks, groups, -1, _TILE * half)
    for side, take in enumerate((torch.bitwise_and, torch.bitwise_right_shift)):
        take(packed, (15, 4)[side], out=nibbles)
        torch.addcmul(offsets[side], tiled, tiles[side], out=tiled)
        expanded[:, :, side] = nibbles.transpose(0, 1)
    return expanded.view(torch.int8).view(columns, blocks * 2 * half)


def _few_bits(scale: Tensor) -> Tensor:
    """Scales rounded up to four significant bits: times a multiple they are still exact in bfloat16."""
    mantissa, exponent = torch.frexp(scale.clamp_min(1e-30))
    return torch.ldexp((mantissa * 16).ceil() / 16, exponent)
