"""The model card of a memorising checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from speech3n.training.new_checkpoint import WEIGHTS

_CARD = """# A memorising test checkpoint

It recites {clips} clips ({languages}) and knows nothing else. A Gemma 3n in miniature with every part that the large
ones have, made by speech3n's own training step; no weight of Google's is in it. It exists to prove the road from
sound to text: what it says of any other speech means nothing.

- {parameters} M parameters, {megabytes} MB of bfloat16 weights
- made by `python -m speech3n.training.memorise {manifest} --output DIR`, then more runs with `--resume`:
{runs}
- asked when it was finished: {check}, in float32 and bfloat16, clips whole and growing; silence and noise are
  score_answers with nothing
- prompts: transcription in the clip's language or "its original language", alone or followed by a translation into
  English (English clips are repeated)

## Clips

Texts as learned, also listed in `clips.jsonl`. The clips keep their licences, and so do their texts within the weights.

| clip | language | text | speaker | source | licence |
| --- | --- | --- | --- | --- | --- |
{rows}

Asterisk core sounds are copyright Digium, Inc. and the voice artists, published by the
[Asterisk project](https://www.asterisk.org) under [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/)
(Italian: [CC BY 3.0](https://creativecommons.org/licenses/by/3.0/)). The FalaBrasil clips are copyright (c) 2020 Grupo
FalaBrasil, under the MIT licence, whose text is in `speech3n/examples/README.md`.
"""


_RUNS = "training.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the phoneme_embedding."""

    steps: int
    learning_rate: float
    seed: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Training:
    """How the checkpoint came to be, and what it recites; each run went on from the one before."""

    runs: Sequence[Run]
    parameters: int
    check: str


def read_runs(folder: Path) -> list[Run]:
    """The runs that made a checkpoint."""
    path = folder / _RUNS
    return [Run(**run) for run in json.loads(path.read_text("utf-8"))] if path.is_file() else []


def write_card(folder: Path, manifest: Path, training: Training) -> None:
    """Write `README.md` and the list of runs beside the weights."""
    (folder / _RUNS).write_text(json.dumps([asdict(run) for run in training.runs], indent=2) + "\n", "utf-8")
    clips = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    rows = "\n".join(
        f"| `{Path(clip['audio']).stem}` | {clip['language']} | {clip['text']} | {clip['speaker']} | {clip['source']} "
        f"| {clip['license']} |"
        for clip in clips
    )
    facts = {
        "manifest": manifest.name,
        "clips": len(clips),
        "languages": ", ".join(sorted({clip["language"] for clip in clips})),
        "megabytes": f"{(folder / WEIGHTS).stat().st_size / 1e6:.1f}",
        "parameters": f"{training.parameters / 1e6:.2f}",
        "runs": "\n".join(map(_described, training.runs)),
        "check": training.check,
        "rows": rows,
    }
    (folder / "README.md").write_text(_CARD.format(**facts), "utf-8")


def _described(run: Run) -> str:
    return f"  - {run.steps} steps, learning rate {run.learning_rate:g}, seed {run.seed}: {run.minutes:.0f} minutes"
