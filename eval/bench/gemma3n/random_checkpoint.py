"""A checkpoint of random weights at a real size, written tensor by tensor: for measuring speed and memory.

`python -m speech3n.eval.bench.gemma3n.random_checkpoint FOLDER` writes E2B's shape, 11 GB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import torch

from speech3n.eval.bench.gemma3n.pair import SHAPES, Shape, weight_mean, weight_scale
from speech3n.layers.skeleton import shapes_only
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.store import TensorFileWriter, TensorSpec, new_folder

_BLOCK = 1 << 24
_PREFIX = "model."


def write_random(config: Gemma3nConfig, folder: Path) -> None:
    """Write bfloat16 weights, as at the start of training, to a new folder; raises UsageError, StorageError."""
    with shapes_only():
        shapes = {name: tensor.shape for name, tensor in Gemma3n(config).state_dict().items()}
    specs = [TensorSpec(_PREFIX + name, "BF16", tuple(shape)) for name, shape in shapes.items()]
    deviates = torch.randn(_BLOCK, generator=torch.Generator().manual_seed(0))
    with new_folder(folder, sum(spec.nbytes for spec in specs)) as draft:
        with TensorFileWriter(draft / "model.safetensors", specs) as writer:
            for spec in specs:
                for data in _blocks(spec, deviates):
                    writer.write(spec.name, data)
        (draft / "config.json").write_text(json.dumps(config.to_dict() | {"dtype": "bfloat16"}, indent=2), "utf-8")


def _blocks(spec: TensorSpec, deviates: torch.Tensor) -> Iterator[memoryview]:
    name = spec.name.removeprefix(_PREFIX)
    scaled = (deviates * weight_scale(name, spec.shape) + weight_mean(name, spec.shape)).bfloat16()
    left = spec.nbytes // 2
    while left:
        count = min(left, _BLOCK)
        yield scaled[:count].view(torch.uint8).numpy().data
        left -= count


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--shape", type=click.Choice(list(SHAPES)), default="e2b", show_default=True)
@click.option("--table-rows", type=click.IntRange(1), default=262_144, show_default=True, help="Per-layer embeddings.")
def main(folder: Path, shape: str, table_rows: int) -> None:
    """Write a checkpoint of random weights to the new FOLDER."""
    chosen = SHAPES[shape]
    write_random(
        Shape(chosen.name, chosen.layers, chosen.shared_layers, chosen.feed_forward, table_rows).config(), folder
    )


if __name__ == "__main__":
    main()
