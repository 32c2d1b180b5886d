"""How the report writes numbers, dates and names; what is not there, or not finite, is a dash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from speech3n.eval.measures.latency import Distribution
from speech3n.eval.report.document import Score
from speech3n.languages import language_name

MISSING = "–"
_MINUS = "−"


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many digits after the point."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}f}".replace("-", _MINUS)


def signed(value: float | None, digits: int = 1) -> str:
    """A number with its sign; what rounds to zero has none."""
    text = number(value, digits)
    if text.strip(f"{_MINUS}0.") == "" and text != MISSING:
        return text.removeprefix(_MINUS)
    return text if text.startswith(_MINUS) or text == MISSING else f"+{text}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage, without the sign."""
    return number(None if share is None else 100 * share, digits)


def interval(low: float | None, high: float | None, factor: float = 1.0) -> str:
    """The bounds of an interval as `2.1–4.0`; empty where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    dash = "–" if min(low, high) >= 0 else " to "
    return f"{number(factor * low)}{dash}{number(factor * high)}"


def score(score: Score | None, factor: float = 1.0) -> str:
    """A score with its interval in brackets: `3.0 (2.1–4.0)`."""
    if score is None or score.value is None:
        return MISSING
    bounds = interval(score.low, score.high, factor)
    return f"{number(factor * score.value)} ({bounds})" if bounds else number(factor * score.value)


def delays(distribution: Distribution | None) -> str:
    """Median, 95th percentile and maximum: `1.15 / 2.10 / 7.09`."""
    if distribution is None or distribution.count == 0:
        return MISSING
    parts = (distribution.median, distribution.p95, distribution.maximum)
    return " / ".join(number(part, 2) for part in parts)


def minutes(seconds: float) -> str:
    """Seconds as minutes."""
    return number(seconds / 60)


def p_value(p: float) -> str:
    """A p-value in three digits."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def moment(created: str) -> str:
    """An ISO 8601 time as people write it, in UTC; what is no such time stays as it is."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return created
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def language(code: str) -> str:
    """The English name of a language; a code that nobody knows stays as it is."""
    try:
        name = language_name(code)
    except (LookupError, ValueError):
        return code
    return code if name.startswith("Unknown language") else name


def settings(values: Mapping[str, str | int | float | bool | None]) -> str:
    """Settings as `compute_type int8, beam_size 5`."""
    return ", ".join(f"{name} {setting(value)}" for name, value in values.items())


def setting(value: str | int | float | bool | None) -> str:
    """One setting: yes and no for switches."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MISSING if value is None else str(value)


def plural(count: int, what: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
