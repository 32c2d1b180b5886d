"""What a person sees of an evaluation in the terminal: how far it is, and the scores at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from speech3n.eval.evaluate import Outcome, Plan
from speech3n.eval.latency import Distribution
from speech3n.eval.report.document import GroupScores, Report, Score, SystemReport

_EVERY_S = 30.0
"""Where nobody sees a bar, a line so often."""
_NAMED_FAILURES = 10


class Watcher:
    """Shows how far an evaluation is: a bar on a terminal, a line now and then elsewhere; failures always."""

    def __init__(self, progress: Progress, plan: Plan) -> None:
        self._progress = progress
        self._bar = progress.add_task("Recognising", total=plan.audio_s)
        self._plan = plan
        self._outcomes = 0
        self._failed = 0
        self._done_s = 0.0
        self._said_at = time.monotonic()

    def outcome(self, outcome: Outcome) -> None:
        """Take note of an outcome."""
        self._outcomes += 1
        self._done_s += outcome.task.recording.duration_s
        self._progress.update(self._bar, description=outcome.heard.audio.stem[:32])
        if outcome.error is not None:
            self._failed += 1
            if self._failed <= _NAMED_FAILURES:
                self._progress.console.print(f"{outcome.task.system.name}: {outcome.error}", markup=False)
        self.heard(0.0)

    def heard(self, seconds: float) -> None:
        """Take note of how many seconds of what is going on are done."""
        done_s = self._done_s + seconds
        self._progress.update(self._bar, completed=done_s)
        if not self._progress.console.is_terminal and time.monotonic() - self._said_at >= _EVERY_S:
            self._said_at = time.monotonic()
            print(
                f"{done_s / 60:.1f} of {self._plan.audio_s / 60:.1f} min heard, "
                f"{self._outcomes} of {self._plan.size} results, {self._failed} failed",
                file=sys.stderr,
                flush=True,
            )


class _Minutes(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / 60:.1f} of {(task.total or 0.0) / 60:.1f} min")


@contextmanager
def watching(plan: Plan) -> Iterator[Watcher]:
    """A Watcher for a plan, on stderr."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Minutes(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield Watcher(progress, plan)


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
