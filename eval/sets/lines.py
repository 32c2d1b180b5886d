"""Tables of sets, a row at a time and with line numbers: tab-separated, pipe-separated."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from speech3n.training.data.manifest import ManifestError, read_lines


def read_table(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a TSV file with column names in its first line, each with where it is; raises ManifestError.

    Quotes are text, and a backslash takes the next character literally: so Common Voice is read by CoVoST
    (https://github.com/facebookresearch/covost, get_covost_splits.py).
    """
    lines = read_lines(path)
    where, header = next(lines, (str(path), ""))
    names = header.split("\t")
    missing = [name for name in needed if name not in names]
    if missing:
        there = ", ".join(names) if header else "none"
        raise ManifestError(f"{where}: no column {missing[0]}.", f"Needed: {', '.join(needed)}. There are: {there}.")
    for where, line in lines:
        try:
            cells = _cells(line)
        except csv.Error as error:
            raise ManifestError(f"{where}: {error}.", "Tabs separate columns.") from error
        if len(cells) != len(names):
            message = f"{where}: {len(cells)} columns, but the first line names {len(names)}."
            raise ManifestError(message, "Tabs separate columns and cannot stand in a text.")
        yield where, dict(zip(names, cells, strict=True))


def speaker_genders(path: Path) -> dict[str, str]:
    """Genders by speaker of a table with `|` between columns: speaker, gender, and more; empty without a file.

    LibriSpeech has it as SPEAKERS.TXT, with `;` before comments, MLS as metainfo.txt, with column names.
    """
    if not path.is_file():
        return {}
    rows = (line.split("|") for _, line in read_lines(path) if not line.startswith(";"))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


def _cells(line: str) -> list[str]:
    if "\\" not in line:
        return line.split("\t")
    return next(csv.reader([line], delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\"))
