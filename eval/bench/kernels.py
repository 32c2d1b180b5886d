"""`python -m speech3n.eval.bench.kernels`: matrices of E2B's size times few rows or many, by every kernel of torch.

What the layers in `speech3n.layers.linear` and `quantised` choose by. Kernels take turns, each on another of the
matrices, so that none is found in the cache; medians, in milliseconds.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable

import click
import torch
import torch.nn.functional as F
from torch import Tensor

from speech3n.eval.bench.tables import table
from speech3n.eval.bench.turns import in_turns
from speech3n.layers.linear import PackedLinear
from speech3n.layers.rounding import Int4Matrix, expand, round_int4, round_int8, steps, unpack
from speech3n.layers.widened import widened_product
from speech3n.runtime.processor import multiplies_int8_exactly, packs_matrices

_COPIES = 4
_SHAPES = ((2048, 2048), (8192, 2048), (2048, 8192))
_ROWS = (1, 4, 12, 32, 64, 200)
_GROUP = 64

Kernel = Callable[[], object]


def kernels(outputs: int, inputs: int, rows: int, matrices: list[Tensor]) -> dict[str, Kernel]:
    """A product of `rows` rows by each kernel; the next call takes the next matrix."""
    x = torch.randn(rows, inputs).bfloat16()
    plain = [matrix.bfloat16() for matrix in matrices]
    int8 = [round_int8(matrix) for matrix in matrices]
    int4 = [round_int4(matrix, _GROUP) for matrix in matrices]
    scales = [_scales(matrix) for matrix in int4]
    int4_weights = [
        torch.ops.aten._convert_weight_to_int4pack_for_cpu(unpack(matrix.packed).int(), 1) for matrix in int4
    ]
    turn = itertools.cycle(range(len(matrices)))

    def weight_only_int4() -> Tensor:
        at = next(turn)
        product: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x, int4_weights[at], _GROUP, scales[at])
        return product

    def weight_only_int8() -> Tensor:
        values, scale = int8[next(turn)]
        product: Tensor = torch.ops.aten._weight_int8pack_mm(x, values, scale.bfloat16())
        return product

    def whole_int8() -> Tensor:
        values, scale = int8[next(turn)]
        return _whole(x, values.t(), scale)

    def expanded_int4() -> Tensor:
        matrix = int4[next(turn)]
        return _whole(x, expand(matrix.packed, matrix.multiples), matrix.row_scale)

    def widened_int4() -> Tensor:
        matrix = int4[next(turn)]
        return widened_product(x, expand(matrix.packed, matrix.multiples).t()).mul_(matrix.row_scale)

    found: dict[str, Kernel] = {"bf16": lambda: F.linear(x, plain[next(turn)])}
    if packs_matrices(torch.bfloat16):
        packed = [PackedLinear(matrix) for matrix in plain]
        found["bf16, packed"] = lambda: packed[next(turn)](x)
    found["bf16 to float32"] = lambda: widened_product(x, plain[next(turn)])
    found["int8 weights"] = weight_only_int8
    found["int8 to float32"] = lambda: widened_product(x, int8[next(turn)][0])
    found["int4 weights"] = weight_only_int4
    found["int4 to float32"] = widened_int4
    if multiplies_int8_exactly():
        found |= {"int8 x int8": whole_int8, "int4 to int8 x int8": expanded_int4}
    return found


def _scales(matrix: Int4Matrix) -> Tensor:
    scales = steps(matrix.multiples, matrix.row_scale).t()
    return torch.stack([scales, torch.zeros_like(scales)], -1).contiguous().bfloat16()


def _whole(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    values = x.float()
    steps = values.abs().amax(-1, keepdim=True) / 127
    product = torch._int_mm((values / steps).round_().to(torch.int8), weight)
    return product.float().mul_(steps).mul_(scale).to(x.dtype)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
def main(rounds: int, threads: int) -> None:
    """Measure and print a table."""
    torch.set_num_threads(threads)
    header: list[str] = []
    lines = []
    with torch.inference_mode():
        for outputs, inputs in _SHAPES:
            matrices = [torch.randn(outputs, inputs) * inputs**-0.5 for _ in range(_COPIES)]
            for rows in _ROWS:
                runs = kernels(outputs, inputs, rows, matrices)
                taken = in_turns(list(runs.values()), rounds)
                found = dict(zip(runs, map(statistics.median, taken), strict=True))
                header = ["matrix", "rows", *found]
                lines.append(
                    [f"{outputs} x {inputs}", str(rows), *(f"{median * 1e3:.2f}" for median in found.values())]
                )
    click.echo(table(header, lines))


if __name__ == "__main__":
    main()
