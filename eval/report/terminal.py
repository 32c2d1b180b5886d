"""The scores of an evaluation in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from speech3n.eval.measures.latency import Distribution
from speech3n.eval.report.document import GroupScores, Report, Score, SystemReport


def scores_tables(report: Report) -> Iterator[Table | str]:
    """The scores by language, a table for each system, then what the numbers were computed with."""
    for system in report.systems:
        yield _table(system, report)
    yield _caption(report)


def _table(system: SystemReport, report: Report) -> Table:
    conditions = {other.condition for other in report.systems}
    parts = [system.name, system.mode, *([system.condition] if len(conditions) > 1 else [])]
    if system.clips_done < system.clips_asked:
        parts.append(f"{system.clips_done} of {system.clips_asked} clips")
    table = Table(title=", ".join(parts), title_justify="left", pad_edge=False)
    streams = system.mode == "streaming"
    last = ["delay s", "95 %"] if streams else ["CER %"]
    for column in ("", "clips", "WER %", "95 %", "plain", "BLEU", "chrF", *last, "RTF"):
        table.add_column(column, justify="right")
    for language in report.set.languages:
        group = system.group("language", language)
        if group is not None:
            committed = group.delays.source.committed.aware if group.delays else None
            last_cells = _delays(committed) if streams else [_percent(group.cer.value)]
            table.add_row(language, *_cells(group), *last_cells, _number(group.rtf, 2))
    return table


def _cells(group: GroupScores) -> list[str]:
    return [
        str(group.clips),
        _percent(group.wer.value),
        f"{_percent(group.wer.low)}-{_percent(group.wer.high)}" if group.wer.low is not None else "-",
        _percent(group.wer_plain.value),
        _score(group.bleu),
        _score(group.chrf),
    ]


def _delays(delays: Distribution | None) -> list[str]:
    return [f"{delays.median:.2f}", f"{delays.p95:.2f}"] if delays is not None else ["-", "-"]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _score(score: Score | None) -> str:
    return "-" if score is None else _number(score.value, 1)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _caption(report: Report) -> str:
    normalisers = ", ".join(f"{language} {name}" for language, name in report.scoring.normalisers.items())
    lines = [f"WER normaliser: {normalisers}; plain: also without accents, digits spelt out.", report.scoring.intervals]
    if report.scoring.bleu_signature is not None:
        lines += [f"BLEU {report.scoring.bleu_signature}", f"chrF {report.scoring.chrf_signature}"]
    return "\n".join(lines)
