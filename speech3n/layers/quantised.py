"""Linear layers and embeddings whose weights are int8 or int4, for inference.

How a product is computed depends on how many rows come in. For few, reading the weights is what takes time, and the
activations stay as they are. For many, arithmetic is: activations are rounded to int8 row by row, and whole numbers
are multiplied (W8A8, on processors with VNNI about five times as fast as bfloat16). A processor that cannot multiply
them exactly multiplies in float32 instead, and one without kernels for few bits does so for any number of rows.
`python -m speech3n.eval.bench.kernels` measures where one way overtakes the other.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.errors import UsageError
from speech3n.layers.rounding import BLOCK, expand, pack, round_int4, round_int8, steps, unpack
from speech3n.layers.scratch import Scratch
from speech3n.layers.widened import widened_product
from speech3n.runtime.processor import has_few_bit_kernels, multiplies_int8_exactly

_FEW_INT8 = 4
_FEW_INT4 = 32
"""Rows up to which the kernels for few bits are faster than whole numbers."""
_FEW_IN_FLOAT = 16
"""Rows up to which they are faster than products in float32."""
_ALIGNED = 16
"""Bytes: torch's weight-only int8 kernel reads vectors of so many, for several rows only from multiples of it."""
_ROWS_OF_KERNEL, _COLUMNS_OF_KERNEL = 16, 32
"""torch's weight-only int8 kernel reads past the end of matrices that are no multiple of this."""
_BLOCKS_AT_ONCE = 128
"""Blocks of 64 output features that are expanded from int4 to int8 at a time: tens of megabytes."""
_SCRATCH = Scratch()


class Quantised(nn.Module):
    """What the quantised layers have in common: the type that embeddings come out in."""

    _like: Tensor

    def __init__(self) -> None:
        super().__init__()
        # `module.float()` changes the type of it as of all buffers that hold no whole numbers.
        self.register_buffer("_like", torch.empty(0, device="cpu"), persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """The type of what an embedding gives; a linear layer gives that of its input."""
        return self._like.dtype

    def set_rows(self, first: int, weight: Tensor) -> None:
        """Take over rows of a matrix in floating point from row `first` on."""
        raise NotImplementedError

    def dequantised(self) -> Tensor:
        """The whole matrix in float32."""
        raise NotImplementedError

    def compute_in(self, dtype: torch.dtype) -> None:
        """Set `dtype`."""
        self._like = torch.empty(0, dtype=dtype)


class Int8Linear(Quantised):
    """A linear layer without bias: `weight_int8` [N, K] times `scale` [N], one for each output feature."""

    weight_int8: Tensor
    scale: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.register_buffer("weight_int8", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(out_features, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        return self._multiply(x)

    def set_rows(self, first: int, weight: Tensor) -> None:
        """Take over the rows [R, K] of a matrix from row `first` on."""
        last = first + len(weight)
        self.weight_int8[first:last], self.scale[first:last] = round_int8(weight)

    def dequantised(self) -> Tensor:
        """The matrix [N, K] in float32."""
        return self.weight_int8 * self.scale[:, None]

    def first_outputs(self, width: int) -> Int8Linear:
        """The layer of the first `width` output features, in the same memory."""
        narrow = Int8Linear(0, 0)
        narrow.in_features, narrow.out_features = self.in_features, width
        narrow.weight_int8, narrow.scale = self.weight_int8[:width], self.scale[:width]
        return narrow

    def columns(self, start: int, end: int) -> Int8Linear:
        """The layer of the input features from `start` to `end` alone, which are copied: rows must lie together."""
        part = Int8Linear(0, 0)
        part.in_features, part.out_features = end - start, self.out_features
        part.weight_int8, part.scale = self.weight_int8[:, start:end].contiguous(), self.scale
        return part

    @property
    def _fits_kernel(self) -> bool:
        return self.out_features % _ROWS_OF_KERNEL == 0 and self.in_features % _COLUMNS_OF_KERNEL == 0

    @property
    def _is_aligned(self) -> bool:
        """Whether the kernel may read the matrix for several rows: between vectors of a file it crashes."""
        return self.weight_int8.data_ptr() % _ALIGNED == 0

    def _multiply(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        if x.device.type != "cpu":
            y = F.linear(rows, self.dequantised().to(x.dtype))
        elif len(rows) <= _kernel_rows(_FEW_INT8) and self._fits_kernel and (len(rows) == 1 or self._is_aligned):
            y = torch.ops.aten._weight_int8pack_mm(rows.contiguous(), self.weight_int8, self.scale.to(x.dtype))
        else:
            y = _multiply_int8(rows, self.weight_int8, self.scale)
        return y.view(*x.shape[:-1], self.out_features)


class Int8Embedding(Int8Linear):
    """An embedding [V, D] in int8 with a scale for each row, which also gives the logits."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__(width, rows)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to [..., D]."""
        return (self.weight_int8[ids] * self.scale[ids][..., None]).to(self.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [..., D] times every row, [..., V]."""
        return self._multiply(hidden)


class Int4Linear(Quantised):
    """A linear layer without bias of `Int4Matrix`: [N, K], N a multiple of 64, in groups of 32, 64 or 128 columns."""

    weight_int4: Tensor
    multiples: Tensor
    row_scale: Tensor

    def __init__(self, in_features: int, out_features: int, group: int) -> None:
        super().__init__()
        self.in_features, self.out_features, self.group = in_features, out_features, group
        blocks, groups = out_features // BLOCK, in_features // group
        self.register_buffer("weight_int4", torch.zeros(blocks, in_features, BLOCK // 2, dtype=torch.uint8))
        self.register_buffer("multiples", torch.ones(out_features, groups, dtype=torch.uint8))
        self.register_buffer("row_scale", torch.ones(out_features, dtype=torch.float32))
        self._kernel_weight: Tensor | None = None
        self._steps: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        return self._multiply(x)

    def set_rows(self, first: int, weight: Tensor) -> None:
        """Take over the rows [R, K] of a matrix from row `first` on, both multiples of 64."""
        last = first + len(weight)
        rounded = round_int4(weight, self.group)
        self.weight_int4[first // BLOCK : last // BLOCK] = rounded.packed
        self.multiples[first:last], self.row_scale[first:last] = rounded.multiples, rounded.row_scale

    def first_outputs(self, width: int) -> Int4Linear:
        """The layer of the first `width` output features, in the same memory; raises UsageError between blocks."""
        _require_multiple(width, BLOCK)
        narrow = Int4Linear(0, 0, self.group)
        narrow.in_features, narrow.out_features = self.in_features, width
        narrow.weight_int4 = self.weight_int4[: width // BLOCK]
        narrow.multiples, narrow.row_scale = self.multiples[:width], self.row_scale[:width]
        return narrow

    def columns(self, start: int, end: int) -> Int4Linear:
        """The layer of the input features from `start` to `end` alone, copied; raises UsageError inside a group."""
        for boundary in (start, end):
            _require_multiple(boundary, self.group)
        part = Int4Linear(0, 0, self.group)
        part.in_features, part.out_features = end - start, self.out_features
        part.weight_int4 = self.weight_int4[:, start:end].contiguous()
        part.multiples = self.multiples[:, start // self.group : end // self.group].contiguous()
        part.row_scale = self.row_scale
        return part

    def dequantised(self, rows: Tensor | None = None) -> Tensor:
        """The matrix [N, K], or some of its rows [R, K], in float32."""
        if rows is None:
            nibbles, multiples, scale = unpack(self.weight_int4), self.multiples, self.row_scale
        else:
            block, place = rows // BLOCK, rows % BLOCK
            packed = self.weight_int4[block, :, place % (BLOCK // 2)]
            nibbles = torch.where((place < BLOCK // 2)[:, None], packed & 15, packed >> 4)
            multiples, scale = self.multiples[rows], self.row_scale[rows]
        grouped = (nibbles.float() - 8).view(len(nibbles), -1, self.group)
        return (grouped * steps(multiples, scale)[..., None]).flatten(1)

    def _multiply(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        if x.device.type != "cpu":
            y = F.linear(rows, self.dequantised().to(x.dtype))
        elif len(rows) <= _kernel_rows(_FEW_INT4):
            weight, scales = self._for_kernel(x.dtype)
            y = torch.ops.aten._weight_int4pack_mm_for_cpu(rows.contiguous(), weight, self.group, scales)
        else:
            y = self._multiply_expanded(rows)
        return y.view(*x.shape[:-1], self.out_features)

    def _multiply_expanded(self, rows: Tensor) -> Tensor:
        parts = []
        for packed, multiples, scale in zip(
            torch.split(self.weight_int4, _BLOCKS_AT_ONCE),
            torch.split(self.multiples, _BLOCKS_AT_ONCE * BLOCK),
            torch.split(self.row_scale, _BLOCKS_AT_ONCE * BLOCK),
            strict=True,
        ):
            parts.append(_multiply_int8(rows, expand(packed, multiples, _SCRATCH).t(), scale))
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def _for_kernel(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The weights as the kernel has them on this processor, and steps and zeros [K / group, N, 2]."""
        if self._steps is None or self._steps.dtype != dtype:
            self._steps = torch.zeros(*self.multiples.t().shape, 2, dtype=dtype)
            self._steps[..., 0] = steps(self.multiples, self.row_scale).t()
        if self._kernel_weight is None:
            mine = self.weight_int4.view(self.out_features, self.in_features // 2)
            self._kernel_weight = mine if _kernel_reads_blocks_of_64() else _as_kernel(unpack(self.weight_int4))
        return self._kernel_weight, self._steps


class Int4Embedding(Int4Linear):
    """An embedding [V, D] in int4, which also gives the logits."""

    def __init__(self, rows: int, width: int, group: int) -> None:
        super().__init__(width, rows, group)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to [..., D]."""
        return self.dequantised(ids.flatten()).to(self.dtype).view(*ids.shape, self.in_features)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [..., D] times every row, [..., V]."""
        return self._multiply(hidden)


def _require_multiple(width: int, unit: int) -> None:
    if width % unit:
        raise UsageError(f"A feed-forward in four bits cannot end at column {width}.", f"Multiples of {unit} can.")


def _kernel_rows(few: int) -> int:
    """Rows for which the kernels for few bits serve, where it is `few` beside products of whole numbers."""
    if not has_few_bit_kernels():
        return 0
    return few if multiplies_int8_exactly() else _FEW_IN_FLOAT


def _multiply_int8(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """`x` [R, K] times the transpose of `weight` int8 [N, K] with `scale` [N]; as `x` in type."""
    if multiplies_int8_exactly():
        return _whole_numbers(x, weight.t(), scale)
    return widened_product(x, weight).mul_(scale).to(x.dtype)


def _whole_numbers(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """`x` [R, K] in int8, rounded row by row, times `weight` int8 [K, N] with `scale` [N]; as `x` in type."""
    values = _SCRATCH.take("values", tuple(x.shape), torch.float32).copy_(x)
    size = torch.abs(values, out=_SCRATCH.take("size", tuple(x.shape), torch.float32))
    steps = size.amax(-1, keepdim=True) / 127
    values.div_(steps.clamp_min_(torch.finfo(torch.float32).tiny)).round_()
    rounded = _SCRATCH.take("rounded", tuple(x.shape), torch.int8).copy_(values)
    shape = (len(x), weight.shape[1])
    whole = torch._int_mm(rounded, weight, out=_SCRATCH.take("whole", shape, torch.int32))
    product = _SCRATCH.take("product", shape, torch.float32).copy_(whole)
    return product.mul_(steps).mul_(scale).to(x.dtype, copy=True)


def _as_kernel(nibbles: Tensor) -> Tensor:
    packed: Tensor = torch.ops.aten._convert_weight_to_int4pack_for_cpu(nibbles.int(), 1)
    return packed


@functools.cache
def _kernel_reads_blocks_of_64() -> bool:
    """Whether the kernel of this processor wants bytes as `pack` lays them; others repack, in memory of their own."""
    probe = torch.randint(0, 16, (BLOCK, 64), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return torch.equal(_as_kernel(probe).flatten(), pack(probe).flatten())
