"""An axis from zero with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_INTERVALS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    """A round value: its share of the axis in percent, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from 0 to `maximum`, in the unit of its values."""

    maximum: float
    step: float

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """All ticks, 0 and the maximum included."""
        count = round(self.maximum / self.step)
        return tuple(Tick(self.at(index * self.step), f"{index * self.step:g}") for index in range(count + 1))

    def at(self, value: float) -> float:
        """How far along the axis a value lies, in percent; values beyond its ends lie on them."""
        return round(100 * min(max(value / self.maximum, 0.0), 1.0), 2)


def axis_for(values: Iterable[float | None]) -> Axis:
    """The shortest axis of at most six round steps that holds all finite values."""
    highest = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
    if highest <= 0:
        return Axis(1.0, 0.5)
    power = 10 ** math.floor(math.log10(highest / _INTERVALS))
    step = next(factor * power for factor in _STEPS if factor * power * _INTERVALS >= highest * (1 - 1e-9))
    return Axis(step * math.ceil(highest / step - 1e-9), step)
