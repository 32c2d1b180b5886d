"""What training runs were, as a table for the model card: steps, audio, time, and the last losses and scores.

python -m speech3n.training.nano.run_table RUN...
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from speech3n.errors import Speech3nError, StorageError
from speech3n.runtime.untrusted import Number, Seconds, Unreadable, convert, read_json
from speech3n.training.data.sampler import Position
from speech3n.training.training_log import TrainingLog

_LOSSES = ("ctc", "ctc_tokens", "whole", "nested")
_SCORES = ("per", "wer", "bleu")
_COLUMNS = ("run", "steps", "passes", "audio, h", "computed, h", "losses", "scores")
_RULE = "| --- " + "| ---: " * 4 + "| --- | --- |"
_LARGEST_FILE = 1_000_000


class _State(msgspec.Struct):
    """What the table shows of how far a run is."""

    step: Number
    position: Position
    audio_s: Seconds
    elapsed_s: Seconds


def run_table(runs: tuple[Path, ...]) -> str:
    """A Markdown table with a line for each run's folder; raises StorageError where one holds no run."""
    return "\n".join([f"| {' | '.join(_COLUMNS)} |", _RULE, *map(_line, runs)])


def _line(run: Path) -> str:
    try:
        state = convert(read_json(run / "state.json", _LARGEST_FILE), _State)
        entries = TrainingLog(run / "metrics.jsonl").read()
    except (OSError, Unreadable) as error:
        raise StorageError(
            f"'{run}' holds no training run: {Unreadable(error)}.", "Give the --output of a training."
        ) from error
    # One line after the other says more of what changed later.
    last: dict[str, Any] = {}
    for entry in entries:
        last |= entry
    losses = _numbers({name: last[name] for name in _LOSSES if name in last})
    scores = _numbers({name: value for name, value in last.items() if any(part in name for part in _SCORES)})
    audio, computed = state.audio_s / 3600, state.elapsed_s / 3600
    passes = state.position.epoch + 1
    return f"| {run.name} | {state.step} | {passes} | {audio:.1f} | {computed:.1f} | {losses} | {scores} |"


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items()) or "-"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(runs: tuple[Path, ...]) -> None:
    """Print what RUNS were, as Markdown."""
    try:
        click.echo(run_table(runs))
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
