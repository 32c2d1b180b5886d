"""`speech3n finetune`: a model that is adapted to a voice, an accent or a vocabulary."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Adapt a model to a voice, an accent or a vocabulary.")
@click.argument("manifest", type=_FILE)
@click.option("--model", default="nano", show_default=True, envvar="SPEECH3N_MODEL",
              help="A Gemma 3n to begin with: a name of `speech3n models list` or a folder.")  # fmt: skip
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="A new folder for the model; of a run that was stopped, the same one.")  # fmt: skip
@click.option("--method", type=click.Choice(["lora", "full"]), default="lora", show_default=True,
              help="Learn small matrices beside the large ones, or every number.")  # fmt: skip
@click.option("--keep", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="MANIFEST|DIR",
              help="Clips of others that the model must go on understanding, mixed in against forgetting.")  # fmt: skip
@click.option("--keep-share", default=0.5, show_default=True, type=click.FloatRange(0, 0.95),
              help="How much of the audio in training is of --keep.")  # fmt: skip
@click.option("--valid", type=_FILE, metavar="MANIFEST", help="Clips to measure with.  [default: a part of MANIFEST]")
@click.option("--valid-share", default=0.1, show_default=True, type=click.FloatRange(0.01, 0.5),
              help="How many clips of MANIFEST are held out to measure with: at least five.")  # fmt: skip
@click.option(
    "--steps", default=400, show_default=True, type=click.IntRange(1), help="It ends sooner if nothing helps."
)
@click.option("--minutes", type=click.FloatRange(0), help="Stop after this long; the same command goes on.")
@click.option("--rate", type=click.FloatRange(0, min_open=True),
              help="Learning rate.  [default: 0.0005 with lora, 0.0001 with full]")  # fmt: skip
@click.option("--rank", default=16, show_default=True, type=click.IntRange(1), help="Size of LoRA's matrices.")
@click.option(
    "--batch-s", default=30.0, show_default=True, type=click.FloatRange(1), help="Seconds of audio in a step."
)
@click.option("--seed", default=0, show_default=True, help="What is held out and how clips are changed hangs on it.")
@click.option("--threads", type=click.IntRange(1), help="Threads to compute with.  [default: half of the cores]")
@click.option("--device", default="cpu", show_default=True, help="cpu, or cuda for a GPU.")
def finetune(
    manifest: Path, model: str, output: Path, method: str, keep: tuple[Path, ...], keep_share: float,
    valid: Path | None, valid_share: float, steps: int, minutes: float | None, rate: float | None, rank: int,
    batch_s: float, seed: int, threads: int | None, device: str,
) -> int:  # fmt: skip
    """Adapt nano, or any Gemma 3n, to the clips of MANIFEST, and print the folder of the model that comes out.

    MANIFEST has a clip a line, as for `speech3n eval run`: {"audio": "clip.wav", "language": "es", "text": "Hola.",
    "translation_en": "Hello."}. Fifty sentences are a beginning. Some are held out; the model that does best on
    them is the one that is kept, and if none does better than before, nothing is written and the exit code is 1.

    A model that is trained on one voice forgets others: give it theirs with --keep. Ctrl-C writes the best so far, and
    the same command goes on. DIR is a model as any other: --model takes it, `models quantize` makes it smaller.

    \b
    speech3n finetune me.jsonl --output nano-me/
    speech3n finetune me.jsonl --keep others.jsonl --output nano-me/ --minutes 20
    speech3n finetune clinic.jsonl --model gemma-3n-e2b --device cuda --output e2b-clinic/
    """
    from speech3n.runtime.extras import require

    require("torch", "finetune")
    from speech3n.training.finetune.command import RATES, Request, run
    from speech3n.training.finetune.dataset import Sources
    from speech3n.training.finetune.trainer import FineTunePlan

    folder = _checkpoint(model)
    if device != "cpu":
        _require_device(device)
    plan = FineTunePlan(steps, "full" if method == "full" else "lora", rank, rate or RATES[method], seed=seed)
    sources = Sources(manifest, valid, valid_share, keep, keep_share, seed)
    return run(Request(sources, model, folder, output, plan, batch_s, minutes, device, threads or _threads()))


def _checkpoint(model: str) -> Path:
    """The folder of a Gemma 3n; raises UsageError for other models, ModelError for one that is missing."""
    from speech3n.engines.registry import install_model, require_installed, resolve_model
    from speech3n.errors import UsageError

    found = resolve_model(model)
    if found.family != "gemma":
        kind = found.family.capitalize()
        raise UsageError(f"{model} is a {kind} model, which cannot be fine-tuned here.", "Take nano or a Gemma 3n.")
    install_model(found)
    require_installed(found)
    return found.folder


def _require_device(device: str) -> None:
    import torch

    from speech3n.errors import UsageError

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"There is no device '{device}' here.", "Leave --device out to compute on the CPU.") from error


def _threads() -> int:
    from speech3n.runtime.threads import compute_threads

    return compute_threads()
