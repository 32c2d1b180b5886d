"""Markdown tables of results, and the machines behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def machines(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each machine, set of versions and day."""
    lines = []
    for part in results.values():
        machine = part["environment"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        line = (
            f"{machine['cpu']}, {machine['usable_cores']} cores, Python {machine['python']}, {versions}; "
            f"{part['finished_at'][:10]}."
        )
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
