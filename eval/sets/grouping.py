"""Clips by language, source, speaker or any other field that the clips of a set have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import fields
from typing import TypeVar

from speech3n.errors import UsageError
from speech3n.eval.sets.clip import Clip, language_order

T = TypeVar("T")

WHOLE_SET = "all"
"""A field that no clip has: it groups all of them together, under ""."""

_OF_EVERY_CLIP = [entry.name for entry in fields(Clip) if entry.name != "fields"]


def require_field(field: str, clips: Iterable[Clip]) -> None:
    """Raise UsageError for a field that is neither one of `Clip` nor, in `fields`, one of some of the clips."""
    names = [*_OF_EVERY_CLIP, *sorted({name for clip in clips for name in clip.fields})]
    if field in names:
        return
    close = difflib.get_close_matches(field, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."
    raise UsageError(f"Clips have no field {field}.", hint)


def field_value(clip: Clip, field: str) -> str:
    """What a clip has in a field of its own or of its manifest; "" where it has nothing."""
    value = getattr(clip, field) if field in _OF_EVERY_CLIP else clip.fields.get(field)
    return "" if value is None else str(value)


def group_clips(rows: Iterable[tuple[Clip, T]], field: str) -> dict[str, list[T]]:
    """Gather what belongs to clips by a field of theirs, in the order of the rows within each group.

    Languages come English first, other values by name; clips without a value are together under "", last.
    """
    groups: dict[str, list[T]] = {}
    for clip, item in rows:
        groups.setdefault(field_value(clip, field), []).append(item)
    by_name = language_order if field == "language" else str
    return {value: groups[value] for value in sorted(groups, key=lambda value: (not value, by_name(value)))}
