"""Put a trained nano into the package: weights in int8, and the list of files that `speech3n models verify` goes by.

python -m speech3n.training.nano.ship CHECKPOINT
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from speech3n.errors import ModelError, Speech3nError
from speech3n.models.gemma3n.checkpoint import weight_files
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.store import FileSpec, model_spec, record_listing
from speech3n.training.nano.model import FOLDER
from speech3n.training.new_checkpoint import WEIGHTS

_RECIPE = RECIPES["int8"]
"""Norms, biases and what mixes layers stay in bfloat16."""
_CONFIG = "config.json"
_LARGEST = 30_000_000
"""Bytes that may be added to everybody's download."""


def ship(checkpoint: Path, folder: Path) -> int:
    """Quantise `checkpoint`, as `average` makes it, into the model folder `folder`; returns the bytes of all files.

    Config and tokenizer are in `folder` already, and have to be those that the checkpoint was trained with. Raises
    ModelError where they are not, and for a checkpoint that is damaged, quantised already or too large.
    """
    if Gemma3nConfig.read(checkpoint) != Gemma3nConfig.read(folder):
        raise ModelError(f"'{checkpoint}' has another shape than '{folder}'.", "Train it with that config.")
    companions = [path for path in sorted(folder.glob("[!.]*.json")) if path.name != _CONFIG]
    for companion in companions:
        theirs = checkpoint / companion.name
        if not theirs.is_file() or theirs.read_bytes() != companion.read_bytes():
            raise ModelError(
                f"'{theirs}' is not the same as '{companion}'.",
                "Make it anew: speech3n.training.nano.average.",
            )
    with TemporaryDirectory(prefix=".shipping-", dir=folder) as draft:
        quantised = Path(draft) / "quantised"
        nbytes = quantise_checkpoint(checkpoint, _RECIPE, quantised)
        weights = weight_files(quantised)
        if len(weights) != 1 or nbytes > _LARGEST:
            raise ModelError(f"'{checkpoint}' takes {nbytes / 1e6:.0f} MB in {_RECIPE.name}.", "Train a smaller model.")
        weights[0].chmod(0o644)
        weights[0].replace(folder / WEIGHTS)
        (quantised / _CONFIG).replace(folder / _CONFIG)
    files = tuple(_listed(path) for path in (*companions, folder / _CONFIG, folder / WEIGHTS))
    spec = replace(model_spec("nano"), files=files)
    record_listing(spec, folder)
    return spec.size


def _listed(path: Path) -> FileSpec:
    content = path.read_bytes()
    return FileSpec(path.name, len(content), hashlib.sha256(content).hexdigest())


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", default=FOLDER, help="Another folder with config and tokenizer.  [default: the package]",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
def main(checkpoint: Path, output: Path) -> None:
    """Quantise CHECKPOINT and make it the nano that comes with speech3n."""
    try:
        nbytes = ship(checkpoint, output)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{output}: {nbytes / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
