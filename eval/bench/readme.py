"""Measured tables in README.md, each between two markers of its own."""

from __future__ import annotations

from pathlib import Path

from speech3n.errors import StorageError


def replace_block(path: Path, tables: str, name: str = "bench") -> None:
    """Put tables between the markers `name` of a Markdown file; raises StorageError where they are missing."""
    start_mark, end_mark = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = path.read_text("utf-8")
    before, start, rest = text.partition(start_mark)
    _, end, after = rest.partition(end_mark)
    if not start or not end:
        raise StorageError(f"{path} has no place for the tables.", f"Add the lines {start_mark} and {end_mark}.")
    path.write_text(f"{before}{start_mark}\n\n{tables}\n{end_mark}{after}", "utf-8")
