"""Make a checkpoint of a training run: the mean of its last weights, with config and tokenizer.

python -m speech3n.training.nano.average RUN --last 5 --output FOLDER
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import click
import torch
from torch import Tensor

from speech3n.errors import ModelError, Speech3nError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.nano.model import FOLDER


def average(files: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights in some files, in float32; raises ModelError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not files:
        raise ModelError("There are no weights to average.", "Train first: speech3n.training.nano.train.")
    total: dict[str, Tensor] = {}
    for file in files:
        try:
            weights = load_file(file)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"'{file}' can't be read: {error}.", "Leave it out.") from error
        if total and weights.keys() != total.keys():
            raise ModelError(f"'{file}' holds another model than '{files[0]}'.", "Average the weights of one run.")
        for name, value in weights.items():
            total[name] = total[name] + value.float() if name in total else value.float()
    return {name: value / len(files) for name, value in total.items()}


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--last", default=5, show_default=True, type=click.IntRange(1), help="How many weights to average.")
def main(run: Path, output: Path, last: int) -> None:
    """Average the last weights of RUN into a checkpoint that every command takes as --model."""
    try:
        files = sorted(run.glob("weights-*.safetensors"))[-last:]
        weights = average(files)
        model = Gemma3n(Gemma3nConfig.read(FOLDER))
        model.load_state_dict(weights)
        output.mkdir(parents=True, exist_ok=True)
        # Hidden files and weights belong to what is shipped.
        for companion in sorted(FOLDER.glob("[!.]*.json")):
            shutil.copy(companion, output / companion.name)
        checkpoint.save(model.to(torch.bfloat16), output)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{output}: the mean of {', '.join(file.stem for file in files)}.")


if __name__ == "__main__":
    main()
