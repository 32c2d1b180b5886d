"""The tables of what systems do when it gets hard: sound under conditions, and sound without speech."""

from __future__ import annotations

from collections.abc import Callable

from speech3n.eval.report import formats
from speech3n.eval.report.document import FalseTextReport, Report
from speech3n.eval.report.series import LANGUAGE, conditions_of, languages_of, series_of, whole_set
from speech3n.eval.report.tables import Row, Table
from speech3n.eval.report.verdicts import system_name

_MINUTE_S = 60.0


def robustness_table(report: Report, *, names: Callable[[str], str] = formats.language) -> Table | None:
    """WER by condition and system, a column a language; None where there is one condition only."""
    conditions = conditions_of(report)
    if len(conditions) < 2:
        return None
    languages = languages_of(report)
    several = len(languages) > 1
    rows = []
    for condition in conditions:
        for series in series_of(report):
            system = series.systems.get(condition)
            if system is None:
                continue
            groups = [system.group(LANGUAGE, language) for language in languages]
            cells = [formats.percent(group.wer.value if group else None) for group in groups]
            whole = whole_set(system)
            if several:
                cells.append(formats.percent(whole.wer.value if whole else None))
            rows.append(Row((condition, series.label, *cells), series.index))
    header = ("condition", "system", *(names(language) for language in languages), *(["all"] if several else []))
    return Table("WER % under conditions", header, tuple(rows), texts=2)


def false_text_table(report: Report) -> Table | None:
    """Words per minute that systems made of sounds without speech, final and ever shown; None without such sounds."""
    if not report.false_text:
        return None
    found = {(entry.sound, entry.system): entry for entry in report.false_text}
    sounds = dict.fromkeys(entry.sound for entry in report.false_text)
    systems = dict.fromkeys(entry.system for entry in report.false_text)
    names = {system.id: system_name(system) for system in report.systems}
    rows = [Row((sound, *(_false_words(found.get((sound, system))) for system in systems))) for sound in sounds]
    header = ("sound", *(names.get(system, system) for system in systems))
    note = "Words per minute where nobody speaks: final / ever on the screen. 0 is right."
    return Table("False text", header, tuple(rows), note=note)


def _false_words(entry: FalseTextReport | None) -> str:
    if entry is None or entry.seconds <= 0:
        return formats.MISSING
    per_minute = (words * _MINUTE_S / entry.seconds for words in (entry.words_final, entry.words_shown))
    return " / ".join(formats.number(words) for words in per_minute)
