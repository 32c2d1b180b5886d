"""The HTML page of a report: one file that asks for nothing from outside and runs no script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eval.report import formats
from eval.report.document import Report
from eval.report.notes import notes
from eval.report.sweeps import false_text_table, robustness_table
from eval.report.tables import quality_tables


def render_page(report: Report, clip_audio: Mapping[str, Path]) -> str:
    """The page as text; `clip_audio` has the sound file of each clip by id."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sweeps = [table for table in (robustness_table(report), false_text_table(report)) if table]
    return environment.get_template("page.html").render(
        report=report,
        formats=formats,
        tables=[*quality_tables(report), *sweeps],
        notes=notes(report),
    )
