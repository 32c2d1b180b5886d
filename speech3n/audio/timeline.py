"""Time stamps made into silence: sound that starts late or has holes is heard at the time the video shows."""

from __future__ import annotations

_SMALLEST_GAP_S = 0.05
"""Less is jitter: time stamps rounded by the container, or the padding of a codec."""
_LARGEST_GAP_S = 600.0
"""The most silence believed where the file does not say how long it is."""
_RESTART_S = 1.0
"""Time stamps that go back further than this count from a new zero."""


class Timeline:
    """Tell how much silence belongs before each piece of sound.

    `origin_s` is the time stamp of 0:00, None to take the first one seen; `duration_s` what the file claims
    to last, None where unknown. A time stamp beyond the end of the file, or one that runs backwards, is not
    believed: sound goes on without a gap, and later time stamps count from there.
    """

    def __init__(self, origin_s: float | None, duration_s: float | None) -> None:
        self._origin_s = origin_s
        self._end_s = duration_s
        self.position_s = 0.0

    def gap_before(self, stamp_s: float | None) -> float:
        """Return the silence, in seconds, that belongs before sound with this time stamp."""
        if stamp_s is None:
            return 0.0
        if self._origin_s is None:
            self._origin_s = stamp_s - self.position_s
        gap_s = stamp_s - self._origin_s - self.position_s
        if gap_s < -_RESTART_S or not self._is_believed(gap_s):
            self._origin_s = stamp_s - self.position_s
            return 0.0
        return gap_s if gap_s >= _SMALLEST_GAP_S else 0.0

    def advance(self, seconds: float) -> None:
        """Count sound or silence that was passed on."""
        self.position_s += seconds

    def _is_believed(self, gap_s: float) -> bool:
        if self._end_s is None:
            return gap_s <= _LARGEST_GAP_S
        return self.position_s + gap_s <= self._end_s
