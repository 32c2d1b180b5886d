"""Which size of an elastic model a live session uses: smaller while text comes late, larger while there is time.

Every change of size costs accuracy or comes too late, so changes are rare: a size goes down only after lag that
lasted, up only after slack that lasted longer, and a size that was too slow when it was last tried is tried again later
each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizingLimits:
    """When a size is too large and when there is room for a larger one, in seconds.

    The gap between `slow_lag_s` and `spare_lag_s` is more than the 2.1 times that E4B computes of what E2B does
    (3.98 and 1.91 billion effective parameters): who goes up for slack doesn't come down for it.
    """

    slow_lag_s: float = 1.5
    """Text this far behind the sound is late."""
    spare_lag_s: float = 0.5
    """Text no further behind than this leaves room."""
    down_after_s: float = 1.0
    """Late text has to go on for so long, and be late twice, before the size goes down."""
    up_after_s: float = 15.0
    """Slack has to go on for so long before the size goes up."""
    longest_up_after_s: float = 240.0
    """No failure makes a larger size wait longer than this."""
    hold_s: float = 4.0
    """No two changes are closer than this."""


class SizeController:
    """Chooses among sizes, smallest first, beginning with the largest; knows no clock and no model."""

    def __init__(self, sizes: Sequence[str], limits: SizingLimits = SizingLimits()) -> None:
        if not sizes:
            raise ValueError("There is no size to choose.")
        self._sizes = tuple(sizes)
        self._limits = limits
        self._place = len(sizes) - 1
        self._changed_s = float("-inf")
        self._went_up_s = float("-inf")
        self._up_after_s = limits.up_after_s
        self._late_since_s: float | None = None
        self._slack_since_s: float | None = None

    @property
    def size(self) -> str:
        """The size to use."""
        return self._sizes[self._place]

    def observe(self, now_s: float, lag_s: float) -> bool:
        """Take note of how far behind the sound (`lag_s`) the text was that just came; whether the size changes.

        `now_s` never goes back. What is observed before is forgotten at every change.
        """
        limits = self._limits
        was_late = self._late_since_s
        self._late_since_s = None if lag_s <= limits.slow_lag_s else now_s if was_late is None else was_late
        if lag_s > limits.spare_lag_s:
            self._slack_since_s = None
        elif self._slack_since_s is None:
            self._slack_since_s = now_s
        if now_s - self._changed_s < limits.hold_s:
            return False
        if was_late is not None and self._lasts(self._late_since_s, now_s, limits.down_after_s):
            return self._move(-1, now_s)
        if self._lasts(self._slack_since_s, now_s, self._up_after_s):
            return self._move(1, now_s)
        return False

    @staticmethod
    def _lasts(since_s: float | None, now_s: float, long_s: float) -> bool:
        return since_s is not None and now_s - since_s >= long_s

    def _move(self, step: int, now_s: float) -> bool:
        place = self._place + step
        if not 0 <= place < len(self._sizes):
            return False
        limits = self._limits
        if step > 0:
            self._went_up_s = now_s
        elif now_s - self._went_up_s < self._up_after_s + limits.up_after_s:
            # The larger size didn't hold for as long as it was waited for.
            self._up_after_s = min(2 * self._up_after_s, limits.longest_up_after_s)
        else:
            self._up_after_s = limits.up_after_s
        self._place, self._changed_s = place, now_s
        self._late_since_s = self._slack_since_s = None
        return True
