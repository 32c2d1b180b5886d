"""Scores by language, source, speaker or any other field that the clips of a set have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

from eval.datasets import Clip, language_order
from eval.wer import ErrorCounts, total_errors
from speech3n.errors import UsageError

T = TypeVar("T")

_OF_EVERY_CLIP = [entry.name for entry in fields(Clip) if entry.name != "fields"]


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
    The field is one of `Clip`, or one that some of the clips have in `fields`. Raises UsageError for any other.
    """
    rows = list(rows)
    _require_field(field, [clip for clip, _ in rows])
    return group_any(rows, field)


def group_any(rows: Iterable[tuple[Clip, T]], field: str) -> dict[str, list[T]]:
    """As `group_clips`, for a part of a set: a field that none of its clips has leaves them together under ""."""
    groups: dict[str, list[T]] = {}
    for clip, item in rows:
        groups.setdefault(field_value(clip, field), []).append(item)
    by_name = language_order if field == "language" else str
    return {value: groups[value] for value in sorted(groups, key=lambda value: (not value, by_name(value)))}


def field_value(clip: Clip, field: str) -> str:
    """What a clip has in a field of its own or of its manifest; "" where it has nothing."""
    value = getattr(clip, field) if field in _OF_EVERY_CLIP else clip.fields.get(field)
    return "" if value is None else str(value)


def error_groups(rows: Iterable[tuple[Clip, ErrorCounts]], field: str) -> list[ErrorGroup]:
    """Micro-averages by a field: edits over reference words, both summed over the clips of a group.

    Ordered as by `group_clips`; no rows give no groups. Raises UsageError for a field that clips do not have.
    """
    groups = group_clips(rows, field)
    return [ErrorGroup(field, value, len(errors), total_errors(errors)) for value, errors in groups.items()]


def _require_field(field: str, clips: Iterable[Clip]) -> None:
    names = [*_OF_EVERY_CLIP, *sorted({name for clip in clips for name in clip.fields})]
    if field in names:
        return
    close = difflib.get_close_matches(field, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."
    raise UsageError(f"Clips have no field {field}.", hint)
