"""The Markdown table of `speech3n bench`, made of its results and nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from speech3n.eval.bench.tables import machines, table

Record = Mapping[str, Any]

_HEADER = ["", "transformers", "speech3n", "ratio"]


def render(results: Mapping[str, Record]) -> str:
    """One table for each size, with its settings and the machine."""
    blocks = []
    for name, title in (("e2b", "E2B's shape"), ("e4b-depth", "E4B's depth (35 layers, 15 shared), E2B's width")):
        rows = [
            row
            for part, describe in _ROWS.items()
            if (record := results.get(f"{part}-{name}"))
            for row in describe(record["result"])
        ]
        if rows:
            blocks.append(f"**Gemma 3n, {title}**\n\n{table(_HEADER, rows)}")
    if not blocks:
        return ""
    return "\n\n".join([*blocks, _note(results)]) + "\n"


def _note(results: Mapping[str, Record]) -> str:
    settings = next(record["settings"] for name, record in results.items() if not name.startswith("exactness"))
    exactness = results.get("exactness-e2b")
    exact = ""
    if exactness:
        found = exactness["result"]
        exact = (
            f" In float32 on the same shape, soft tokens differ by {found['soft_tokens']:.0e} of the largest value and "
            f"logits by {found['logits']:.0e}."
        )
    return (
        f"Random weights, {settings['dtype']}, {settings['threads']} threads, one stream; both on the same tensors in "
        f"turns, medians of {settings['rounds']} rounds. Ratio: how many times as fast as transformers; for steps, "
        f"the cost beside the whole clip's at once.{exact}\n\n{machines(results)}"
    )


def _encoder(result: Record) -> list[list[str]]:
    ours, reference = _medians(result)
    rows = [["audio encoder, 30 s clip", f"{reference:.2f} s", f"{ours:.2f} s", f"{reference / ours:.2f}"]]
    for step, seconds in result["steps_s"].items():
        rtf = seconds / result["audio_s"]
        cost = f"{seconds:.1f} s (RTF {rtf:.2f})"
        rows.append([f"the same, streamed in steps of {step} ms", "-", cost, f"cost {seconds / ours:.1f}"])
    return rows


def _prefill(result: Record) -> list[list[str]]:
    ours, reference = (result["positions"] / seconds for seconds in _medians(result))
    return [_speeds(f"prefill of {result['positions']} positions", ours, reference)]


def _decode(result: Record) -> list[list[str]]:
    ours, reference = (result["tokens"] / seconds for seconds in _medians(result))
    return [_speeds("decoding", ours, reference)]


def _update(result: Record) -> list[list[str]]:
    ours, reference = _medians(result)
    what = "live update: 1 s more after 9 s, 26 of 30 tokens stand, 34 in the end"
    return [[what, f"{reference:.2f} s", f"{ours:.2f} s", f"{reference / ours:.2f}"]]


def _speeds(what: str, ours: float, reference: float) -> list[str]:
    return [what, f"{reference:.1f} tokens/s", f"{ours:.1f} tokens/s", f"{ours / reference:.2f}"]


def _medians(result: Record) -> tuple[float, float]:
    timing = result["timing"]
    return statistics.median(timing["ours"]), statistics.median(timing["reference"])


_ROWS = {"encoder": _encoder, "prefill": _prefill, "decode": _decode, "update": _update}
