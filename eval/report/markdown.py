"""The Markdown of a report: compact tables for READMEs, aligned so that they read well as text."""

from __future__ import annotations

from collections.abc import Sequence

from speech3n.eval.report import formats
from speech3n.eval.report.document import Comparison, Report
from speech3n.eval.report.notes import Note, notes
from speech3n.eval.report.sweeps import false_text_table, robustness_table
from speech3n.eval.report.tables import Row, Table, quality_tables
from speech3n.eval.report.verdicts import METRICS, NOTHING_SHOWN, Verdict, pairings


def markdown_tables(report: Report) -> str:
    """All tables of a report and the notes that they need, without a heading; ends with a newline."""
    sweeps = [table for table in (robustness_table(report, names=str), false_text_table(report)) if table]
    tables = [*quality_tables(report, names=str), *sweeps, *_comparisons(report), *_moved(report)]
    blocks = [_block(table) for table in tables]
    blocks.append("\n".join(_note(note) for note in notes(report)))
    return "\n\n".join(blocks) + "\n"


def markdown_document(report: Report) -> str:
    """`report.md`: a heading with set and date, and the tables."""
    heading = f"# Evaluation of {_escaped(report.set.name)}\n\n{formats.moment(report.created)}"
    return f"{heading}\n\n{markdown_tables(report)}"


def _comparisons(report: Report) -> list[Table]:
    note = "Second system minus the first; bold where a paired test says that it is no chance (p ≤ 0.05)."
    return _differences("Paired tests", report, report.comparisons, note)


def _moved(report: Report) -> list[Table]:
    if report.earlier is None:
        return []
    title = f"What moved since {formats.moment(report.earlier.created)}"
    note = "Now minus then; bold where a paired test says that it is no chance (p ≤ 0.05)."
    if not report.earlier.moved:
        return [Table(title, (), (), note="Nothing in it can be compared with this report.")]
    return _differences(title, report, report.earlier.moved, note)


def _differences(title: str, report: Report, comparisons: Sequence[Comparison], note: str) -> list[Table]:
    pairs = pairings(report, comparisons, names=str)
    if not pairs:
        return []
    groups = tuple(dict.fromkeys(group for pair in pairs for group in pair.groups))
    rows = []
    for pair in pairs:
        name = pair.candidate if pair.baseline == pair.candidate else f"{pair.baseline} → {pair.candidate}"
        for metric in pair.metrics:
            cells = (_difference(pair.groups.get(group, {}).get(metric)) for group in groups)
            rows.append(Row((name, METRICS[metric], *cells)))
    if all("**" not in cell for row in rows for cell in row.cells):
        note = f"{note} {NOTHING_SHOWN.capitalize()} anywhere."
    return [Table(title, ("", "", *groups), tuple(rows), texts=2, note=note)]


def _difference(verdict: Verdict | None) -> str:
    if verdict is None:
        return formats.MISSING
    return verdict.difference if verdict.outcome == "none" else f"**{verdict.difference}**"


def _note(note: Note) -> str:
    text = f"`{note.text}`" if note.code else _escaped(note.text).rstrip(".")
    return f"- {_escaped(note.about)}: {text}."


def _block(table: Table) -> str:
    parts = [f"**{_escaped(table.title)}**", _grid(table) if table.rows else "", table.note]
    return "\n\n".join(part for part in parts if part)


def _grid(table: Table) -> str:
    """A table whose columns are padded to one width."""
    lines = [
        [_escaped(cell).replace("|", "\\|") for cell in cells]
        for cells in (table.header, *(row.cells for row in table.rows))
    ]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(table.header))]
    rule = ["-" * width if column < table.texts else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    padded = [
        [
            cell.ljust(width) if column < table.texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], rule, *padded[1:]])


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")
