"""Scores by language, source, speaker or any other field of the manifest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

from eval.datasets import Clip, language_order
from eval.wer import ErrorCounts, total_errors
from speech3n.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The errors of all clips that have `value` in `field`, summed: `errors.rate` is the micro-average."""

    field: str
    value: str
    clips: int
    errors: ErrorCounts


def group_clips(rows: Iterable[tuple[Clip, T]], field: str) -> dict[str, list[T]]:
    """Gather what belongs to clips by a field of theirs, in the order of the rows within each group.

    Languages come English first, other values by name; clips without a value are together under "", last.
    Raises UsageError for a field that clips do not have.
    """
    _require_field(field)
    groups: dict[str, list[T]] = {}
    for clip, item in rows:
        value = getattr(clip, field)
        groups.setdefault("" if value is None else str(value), []).append(item)
    by_name = language_order if field == "language" else str
    return {value: groups[value] for value in sorted(groups, key=lambda value: (not value, by_name(value)))}


def error_groups(rows: Iterable[tuple[Clip, ErrorCounts]], field: str) -> list[ErrorGroup]:
    """Micro-averages by a field: edits over reference words, both summed over the clips of a group.

    Ordered as by `group_clips`; no rows give no groups. Raises UsageError for a field that clips do not have.
    """
    groups = group_clips(rows, field)
    return [ErrorGroup(field, value, len(errors), total_errors(errors)) for value, errors in groups.items()]


def _require_field(field: str) -> None:
    names = [entry.name for entry in fields(Clip)]
    if field in names:
        return
    close = difflib.get_close_matches(field, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."
    raise UsageError(f"Clips have no field {field}.", hint)
