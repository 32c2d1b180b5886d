"""The tables for those who want everything: kinds of errors, all delays, groups by other fields."""

from __future__ import annotations

from collections.abc import Callable

from speech3n.eval.report import formats
from speech3n.eval.report.document import GroupScores, LagPair, Report, TextDelays
from speech3n.eval.report.series import LANGUAGE, main_systems
from speech3n.eval.report.tables import Column, Line, Row, Table, lines_of, make_table, name_columns, of_group
from speech3n.eval.sets.grouping import WHOLE_SET

_DELAYS = (
    "Seconds, median / 95 % / worst. By audio: what came meanwhile, as if computing took no time; the others count it. "
    "Flicker: words taken back per final word. Changed: committed words that changed later, 0 is right. "
    "After sound: from the end of a clip's sound to the commit of its last word. Update: computing time of one."
)


def detail_tables(report: Report) -> list[Table]:
    """All of them; those without any value are left out."""
    lines = lines_of(report, main_systems(report))
    names = name_columns(formats.language, with_systems=True)
    streaming = [line for line in lines if line.group is not None and line.group.delays is not None]
    translated = [line for line in streaming if _translation(line) is not None]
    tables = [
        make_table("Errors and scores", lines, [*names, *_ERRORS]),
        make_table("Delays of captions", streaming, [*names, *_delay_columns(_source), *_UPDATES], _DELAYS),
        make_table("Delays of translations", translated, [*names, *_delay_columns(_translation)], _DELAYS),
    ]
    return [*(table for table in tables if len(table.header) > table.texts and table.rows), *_field_tables(report)]


def _field_tables(report: Report) -> list[Table]:
    """WER by the values of each other field of the manifest that was scored, a column a system."""
    systems = main_systems(report)
    values: dict[str, dict[str, int]] = {}
    for _, system in systems:
        for group in system.groups:
            if group.field not in (LANGUAGE, WHOLE_SET):
                known = values.setdefault(group.field, {})
                known[group.value] = max(group.clips, known.get(group.value, 0))
    tables = []
    for field, clips in values.items():
        rows = []
        for value, count in clips.items():
            groups = [system.group(field, value) for _, system in systems]
            cells = (formats.score(group.wer if group else None, 100) for group in groups)
            rows.append(Row((value or formats.MISSING, str(count), *cells)))
        header = (field, "clips", *(series.label for series, _ in systems))
        tables.append(Table(f"WER % by {field}", header, tuple(rows)))
    return tables


def _source(line: Line) -> TextDelays | None:
    return line.group.delays.source if line.group and line.group.delays else None


def _translation(line: Line) -> TextDelays | None:
    return line.group.delays.translation if line.group and line.group.delays else None


def _delay_columns(find: Callable[[Line], TextDelays | None]) -> list[Column]:
    def column(header: str, read: Callable[[TextDelays], str]) -> Column:
        def cell(line: Line) -> str:
            found = find(line)
            return formats.MISSING if found is None else read(found)

        return Column(header, cell)

    return [
        column("first word", lambda text: formats.delays(text.first_word.aware)),
        column("shown", lambda text: formats.delays(text.shown.aware)),
        column("committed", lambda text: formats.delays(text.committed.aware)),
        column("committed, by audio", lambda text: formats.delays(text.committed.unaware)),
        column("LAAL / by audio", lambda text: _lag(text.laal)),
        column("LongYAAL / by audio", lambda text: _lag(text.long_yaal)),
        column("flicker", lambda text: formats.number(text.normalised_erasure, 2)),
        column("changed", lambda text: str(text.changed_commits)),
    ]


def _lag(lag: LagPair) -> str:
    if lag.aware is None and lag.unaware is None:
        return formats.MISSING
    return f"{formats.number(lag.aware, 2)} / {formats.number(lag.unaware, 2)}"


def _counted(group: GroupScores) -> str:
    errors = group.errors
    return f"{errors.substitutions} / {errors.deletions} / {errors.insertions}"


_ERRORS = [
    Column("words", of_group(lambda group: str(group.errors.reference_words))),
    Column("sub / del / ins", of_group(_counted)),
    Column("WER %", of_group(lambda group: formats.score(group.wer, 100))),
    Column("plain WER %", of_group(lambda group: formats.score(group.wer_plain, 100))),
    Column("CER %", of_group(lambda group: formats.score(group.cer, 100))),
    Column("BLEU", of_group(lambda group: formats.score(group.bleu))),
    Column("chrF", of_group(lambda group: formats.score(group.chrf))),
]
_UPDATES = [
    Column("after sound", of_group(lambda group: formats.delays(group.delays.after_sound if group.delays else None))),
    Column("update", of_group(lambda group: formats.delays(group.delays.update if group.delays else None))),
]
