"""The Markdown table of `speech3n bench --recipe`, made of its results and nothing else, beside the goals."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speech3n.eval.bench.quantised.parts import REFERENCE
from speech3n.eval.bench.tables import machines, table

Record = Mapping[str, Any]

# The numbers of `eval.bench.quantised.systems`, which imports torch.
_PREFILL, _DECODED, _CLIP_S = 220, 16, 30
_UPDATE_S = 1.0
_NONE = "-"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: which part it is of, the goal, and how what a system gave is written."""

    title: str
    part: str
    goal: str
    cell: Callable[[Any], str]


def render(results: Mapping[str, Record]) -> str:
    """The table, its settings and the machine; nothing without results."""
    if not results:
        return ""
    recipes = list(dict.fromkeys(name for record in results.values() for name in record["settings"]["recipes"]))
    rows = [
        [row.title, row.goal, *(_cell(results[row.part]["result"], name, row) for name in (REFERENCE, *recipes))]
        for row in _ROWS
        if row.part in results
    ]
    header = ["E2B's shape", "goal", "transformers, bf16", *(f"speech3n, {recipe}" for recipe in recipes)]
    blocks = ["**Gemma 3n in few bits**", table(header, rows), _note(results), machines(results)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _cell(result: Record, system: str, row: _Row) -> str:
    if row.part == "accuracy":
        system, result = "bf16" if system == REFERENCE else system, result["systems"]
    numbers = result.get(system)
    return row.cell(numbers) if numbers else _NONE


def _median(rounds: Sequence[Sequence[float]]) -> float:
    return statistics.median(seconds for (seconds,) in rounds)


def updates(rounds: Sequence[Sequence[float]]) -> str:
    """RTF and the 95th percentile of updates that come once a second."""
    seconds = [taken for taken_in in rounds for taken in taken_in]
    rtf = statistics.mean(seconds) / _UPDATE_S
    return f"RTF {rtf:.2f}, p95 {_p95(seconds):.2f} s"


def _p95(seconds: Sequence[float]) -> float:
    """By linear interpolation between the nearest, as numpy has it."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def _agreement(numbers: Record) -> str:
    return f"{100 * numbers['tokens_agreeing'] / numbers['tokens']:.1f} %"


def _word_errors(numbers: Record) -> str:
    return f"{100 * numbers['word_edits'] / numbers['words']:.1f} %"


_ROWS = (
    _Row("peak memory", "footprint", "2.0 GB", lambda numbers: f"{numbers['peak_mb'] / 1000:.2f} GB"),
    _Row("the same of E4B's shape", "footprint-e4b", "3.0 GB", lambda numbers: f"{numbers['peak_mb'] / 1000:.2f} GB"),
    _Row("load to first token", "footprint", "3 s", lambda numbers: f"{numbers['first_token_s']:.1f} s"),
    _Row("decoding", "decode", "20 tokens/s", lambda rounds: f"{_DECODED / _median(rounds):.1f} tokens/s"),
    _Row("the same, a core busy", "busy-decode", _NONE, lambda rounds: f"{_DECODED / _median(rounds):.1f} tokens/s"),
    _Row("prefill", "prefill", "400 tokens/s", lambda rounds: f"{_PREFILL / _median(rounds):.0f} tokens/s"),
    _Row("audio encoder, 30 s clip", "encode", "RTF 0.03", lambda rounds: f"RTF {_median(rounds) / _CLIP_S:.3f}"),
    _Row("in steps of 160 ms", "encode_steps", "RTF 0.10", lambda rounds: f"RTF {_median(rounds) / _CLIP_S:.3f}"),
    _Row("live captions with translation", "live", "RTF 0.6, p95 0.9 s", updates),
    _Row("the same, a core busy", "busy-live", _NONE, updates),
    _Row("tokens as in bf16", "accuracy", _NONE, _agreement),
    _Row("WER", "accuracy", _NONE, _word_errors),
)


def _note(results: Mapping[str, Record]) -> str:
    settings = next(iter(results.values()))["settings"]
    text = (
        f"Random weights, the same for all; {settings['threads']} threads, one stream, int4 in groups of "
        f"{settings['group']}; {_rounds(settings['rounds'])}. Peak memory: of a process that has encoded the clip, "
        "decoded, and run the live stream, above a bare `import torch`; no tokenizer. Load: checkpoint in the page "
        f"cache, prompt of {_PREFILL} positions. Prefill: {_PREFILL} positions. Live: speech without a pause in "
        "utterances of 12 s, four tokens of transcript and four of translation a second, an update a second; "
        "transformers' are its first and last of an utterance. A core busy: one other process computes all the time."
    )
    if "footprint-e4b" in results:
        text += " E4B's shape: numbers in few bits drawn as such, without weights in bfloat16 to make them of."
    if "accuracy" in results:
        text += _accuracy_note(results["accuracy"]["result"])
    return text


def _rounds(count: int) -> str:
    return f"medians of {count} rounds, in turns" if count > 1 else "one round"


def _accuracy_note(result: Record) -> str:
    parts = [
        f"in {name} {numbers['in_four_bits']} of its {numbers['matrices']} matrices have four bits"
        for name, numbers in result["systems"].items()
        if numbers.get("in_four_bits")
    ]
    small = f" ({'; '.join(parts)}, the others are too narrow and take eight)" if parts else ""
    return (
        f" Tokens and WER: the miniature that knows {result['clips']} clips by heart, on those clips{small}; it shows "
        "that nothing breaks, not what rounding costs a large model."
    )
