"""What training leaves behind to look at: numbers, a line a time, and a picture of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speech3n.errors import StorageError
from speech3n.runtime.untrusted import Number, Unreadable, convert, parse_object, read_lines

_LONGEST_LINE = 1_000_000
_WIDTH, _HEIGHT, _MARGIN = 720, 220, 44
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")


class TrainingLog:
    """A JSONL file of numbers; lines of steps that are done again after a stop are dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append a line; raises StorageError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise StorageError(f"'{self.path}' cannot be written: {error.strerror}.", "Check the disk.") from error

    def read(self) -> list[dict[str, Any]]:
        """All lines but a last one that breaks off, as a killed training leaves it; raises StorageError."""
        try:
            lines = list(read_lines(self.path, _LONGEST_LINE))
            whole = lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines
            return [_entry(line) for line in whole]
        except FileNotFoundError:
            return []
        except Unreadable as error:
            raise StorageError(f"'{self.path}' cannot be read: {error}.", "Remove it: training goes on.") from error

    def rewind(self, step: int) -> None:
        """Forget what lies after a step."""
        kept = [entry for entry in self.read() if entry["step"] <= step]
        if self.path.is_file():
            self.path.write_text("".join(json.dumps(entry) + "\n" for entry in kept), "utf-8")


def _entry(line: bytes) -> dict[str, Any]:
    """The numbers of a line; raises Unreadable."""
    entry = parse_object(line)
    convert(entry.get("step"), Number)
    return entry


def plot(entries: Sequence[Mapping[str, Any]], panels: Sequence[Sequence[str]], path: Path) -> None:
    """Draw numbers over steps as SVG, a panel for each list of names; raises StorageError."""
    drawn = [_panel(entries, names, place * _HEIGHT) for place, names in enumerate(panels)]
    height = _HEIGHT * len(panels)
    body = "\n".join(drawn)
    try:
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
            f'font-size="11">\n<rect width="{_WIDTH}" height="{height}" fill="white"/>\n{body}\n</svg>\n',
            "utf-8",
        )
    except OSError as error:
        raise StorageError(f"'{path}' cannot be written: {error.strerror}.", "Check the disk.") from error


def _panel(entries: Sequence[Mapping[str, Any]], names: Sequence[str], top: int) -> str:
    series = {name: [(entry["step"], entry[name]) for entry in entries if name in entry] for name in names}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    last = max(point[0] for points in series.values() for point in points)
    # The first steps of a loss would flatten the rest.
    values = sorted(point[1] for points in series.values() for point in points)
    highest = values[int(0.98 * (len(values) - 1))] or 1.0
    left, right, bottom = _MARGIN, _WIDTH - 110, top + _HEIGHT - 24
    lines = [f'<path d="M{left} {top + 8}V{bottom}H{right}" fill="none" stroke="#999"/>']
    lines.append(f'<text x="4" y="{top + 16}">{highest:.3g}</text><text x="4" y="{bottom}">0</text>')
    lines.append(f'<text x="{right - 30}" y="{bottom + 16}">step {last}</text>')
    for place, (name, points) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join(
            f"{left + (right - left) * step / max(last, 1):.1f},"
            f"{bottom - (bottom - top - 12) * min(1.0, value / highest):.1f}"
            for step, value in points
        )
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        lines.append(f'<text x="{right + 6}" y="{top + 20 + 15 * place}" fill="{colour}">{name}</text>')
    return "\n".join(lines)
