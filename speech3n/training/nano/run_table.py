"""What training runs were, as a table for the model card: steps, audio, time, and the last losses and scores.

python -m speech3n.training.nano.run_table RUN...
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from speech3n.errors import Speech3nError, StorageError
from speech3n.training.training_log import TrainingLog

_LOSSES = ("ctc", "ctc_tokens", "whole", "nested")
_SCORES = ("per", "wer", "bleu")
_COLUMNS = ("run", "steps", "passes", "audio, h", "computed, h", "losses", "scores")
_RULE = "| --- " + "| ---: " * 4 + "| --- | --- |"


def run_table(runs: tuple[Path, ...]) -> str:
    """A Markdown table with a line for each run's folder; raises StorageError where one holds no run."""
    return "\n".join([f"| {' | '.join(_COLUMNS)} |", _RULE, *map(_line, runs)])


def _line(run: Path) -> str:
    try:
        state = json.loads((run / "state.json").read_text("utf-8"))
        entries = TrainingLog(run / "metrics.jsonl").read()
        step, passes = int(state["step"]), int(state["position"]["epoch"]) + 1
        audio, computed = (float(state[name]) / 3600 for name in ("audio_s", "elapsed_s"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"'{run}' holds no training run: {error}.", "Give the --output of a training.") from error
    # One line after the other says more of what changed later.
    last: dict[str, Any] = {}
    for entry in entries:
        last |= entry
    losses = _numbers({name: last[name] for name in _LOSSES if name in last})
    scores = _numbers({name: value for name, value in last.items() if any(part in name for part in _SCORES)})
    return f"| {run.name} | {step} | {passes} | {audio:.1f} | {computed:.1f} | {losses} | {scores} |"


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
