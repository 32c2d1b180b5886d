"""The tables of a report as plain cells, for Markdown and HTML alike: quality and delays, mode by mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from speech3n.eval.report import formats
from speech3n.eval.report.document import GroupScores, Report, SystemReport
from speech3n.eval.report.series import LANGUAGE, Series, committed, incomplete, languages_of, main_systems, whole_set
from speech3n.eval.sets.grouping import WHOLE_SET
from speech3n.eval.systems.system import Mode

TITLES: dict[Mode, str] = {"offline": "Files", "streaming": "Live captions", "given": "Given hypotheses"}


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row; `series` is the index of the system that it is about, `total` marks sums."""

    cells: tuple[str, ...]
    series: int | None = None
    total: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first `texts` columns are words and whose others are numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    texts: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What a row of the quality tables is made of; `group` is None where nothing of it was scored."""

    report: Report
    series: Series
    system: SystemReport
    group: GroupScores | None
    language: str
    total: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, and the cell of a line. Columns without any value are left out."""

    header: str
    cell: Callable[[Line], str]
    texts: bool = field(default=False)


def quality_tables(report: Report, *, names: Callable[[str], str] = formats.language) -> list[Table]:
    """One table for each mode: quality, delays and cost by language and system; `names` names languages."""
    tables = []
    for mode, heading in TITLES.items():
        systems = [(series, system) for series, system in main_systems(report) if series.mode == mode]
        if systems:
            title = f"{heading}: {_name(*systems[0])}" if len(systems) == 1 else heading
            tables.append(make_table(title, lines_of(report, systems), columns(names, len(systems) > 1)))
    return tables


def lines_of(report: Report, systems: Sequence[tuple[Series, SystemReport]]) -> list[Line]:
    """A line for each language and system, then one for all languages together where there are several."""
    languages = languages_of(report)
    lines = [
        Line(report, series, system, system.group(LANGUAGE, language), language, len(languages) < 2)
        for language in languages
        for series, system in systems
    ]
    if len(languages) > 1:
        lines += [Line(report, series, system, whole_set(system), WHOLE_SET, True) for series, system in systems]
    return lines


def make_table(title: str, lines: Sequence[Line], columns: Sequence[Column], note: str = "") -> Table:
    """Fill a table, without the columns that no line has a value for."""
    cells = [[column.cell(line) for line in lines] for column in columns]
    kept = [
        index
        for index, (column, values) in enumerate(zip(columns, cells, strict=True))
        if column.texts or any(value not in ("", formats.MISSING) for value in values)
    ]
    rows = [
        Row(tuple(cells[index][row] for index in kept), line.series.index, line.language == WHOLE_SET)
        for row, line in enumerate(lines)
    ]
    header = tuple(columns[index].header for index in kept)
    return Table(title, header, tuple(rows), sum(columns[index].texts for index in kept), note)


def columns(names: Callable[[str], str], with_systems: bool) -> list[Column]:
    """The columns of the quality tables."""
    return [*name_columns(names, with_systems), *_QUALITY, *_COST]


def name_columns(names: Callable[[str], str], with_systems: bool) -> list[Column]:
    """The language, and the system where there are several."""
    language = Column("", lambda line: WHOLE_SET if line.language == WHOLE_SET else names(line.language), texts=True)
    system = Column("system", lambda line: _name(line.series, line.system), texts=True)
    return [language, system] if with_systems else [language]


def of_group(read: Callable[[GroupScores], str]) -> Callable[[Line], str]:
    """A cell that is a dash where the group has no scores."""
    return lambda line: formats.MISSING if line.group is None else read(line.group)


def _name(series: Series, system: SystemReport) -> str:
    return f"{series.name} (incomplete)" if incomplete(system) else series.name


def _first_word(group: GroupScores) -> str:
    first = group.delays.source.first_word.aware if group.delays else None
    return formats.number(first.median if first else None, 2)


def _after_sound(group: GroupScores) -> str:
    after = group.delays.after_sound if group.delays else None
    return formats.number(after.median if after else None, 2)


def _flicker(group: GroupScores) -> str:
    return formats.number(group.delays.source.normalised_erasure if group.delays else None, 2)


def _memory(line: Line) -> str:
    return formats.number(line.system.peak_memory_mib, 0) if line.total else ""


_QUALITY = [
    Column("clips", of_group(lambda group: str(group.clips))),
    Column("min", of_group(lambda group: formats.minutes(group.audio_s))),
    Column("WER %", of_group(lambda group: formats.score(group.wer, 100))),
    Column("plain", of_group(lambda group: formats.percent(group.wer_plain.value))),
    Column("BLEU", of_group(lambda group: formats.number(group.bleu.value if group.bleu else None))),
    Column("chrF", of_group(lambda group: formats.number(group.chrf.value if group.chrf else None))),
]
_COST = [
    Column("delay, s", lambda line: formats.delays(committed(line.report, line.system, line.group))),
    Column("after sound, s", of_group(_after_sound)),
    Column("first word, s", of_group(_first_word)),
    Column("flicker", of_group(_flicker)),
    Column("RTF", of_group(lambda group: formats.number(group.rtf, 2))),
    Column("peak MiB", _memory),
]
