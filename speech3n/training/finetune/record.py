"""What fine-tuning leaves beside the weights: how they came to be, in numbers and in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech3n.errors import StorageError
from speech3n.training.finetune.report import compared
from speech3n.training.finetune.run import METRICS

WORK = "finetuning"
"""The folder, in that of the output, with all that is needed to go on."""
RECORD = "finetuning.json"
_CARD = """# {model}, fine-tuned

Made by `speech3n finetune` ({method}) from {model}, whose licence and limits it has, on the clips of {clips}{keep}.
The best of what was tried came after {steps} steps. Before and after, on clips that were not learned from:

- {own}
{others}
`{record}` has the options and the numbers. How well it does elsewhere was not measured: `speech3n eval run` does that.
"""


def write_record(output: Path, record: Mapping[str, Any]) -> None:
    """Write options and results into the folder of a model, with a card in place of that of the model it began with.

    Raises StorageError.
    """
    before, after = record["before"], record["after"]
    others = f"- {compared('To keep', before['others'], after['others'])}\n" if before["others"] else ""
    keep = f", with {', '.join(record['keep'])} to keep" if record["keep"] else ""
    facts = {"model": record["model"], "method": record["method"], "clips": record["clips"], "record": RECORD}
    own = compared("Held out", before["own"], after["own"])
    card = _CARD.format(**facts, keep=keep, steps=record["best"]["step"], own=own, others=others)
    try:
        (output / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (output / "README.md").write_text(card, "utf-8")
    except OSError as error:
        raise StorageError(f"'{output}' cannot be written: {error.strerror}.", "Check the disk.") from error


def clear(output: Path) -> None:
    """Delete what was needed to go on; the losses stay, as `finetuning.jsonl`."""
    (output / WORK / METRICS).replace(output / f"{WORK}.jsonl")
    shutil.rmtree(output / WORK)
