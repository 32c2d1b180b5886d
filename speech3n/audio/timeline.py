"""Time stamps made into silence: sound that starts late or has holes comes at the time the video shows.

Stamps lie: a bit flips, a clock wraps or jumps, a header is damaged. One rule says which gaps are believed: those that
the container can hold, by what it claims, by its size, and by the bytes that lie in the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

_SMALLEST_GAP_S = 0.05
"""Less is jitter: time stamps rounded by the container, or the padding of a codec."""
_LARGEST_GAP_S = 600.0
"""The most silence believed where the file does not say how long it is."""
_RESTART_S = 1.0
"""Time stamps that go back further than this count from a new zero."""
_CONFIRMED_S = 2.0
"""A gap longer than this is believed where the stamp after it lies no further on: one stamp alone may be damaged."""
_SPARSEST_BYTES_PER_S = 25.0
"""Pictures of a talk that stand still, the thinnest thing that still tells that time went by."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a container a packet stands, in bytes."""

    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a container can hold: its bytes, None where it is a pipe, and whether its length is more than its stamps."""

    size_bytes: int | None = None
    knows_length: bool = True

    @property
    def most_s(self) -> float | None:
        """The longest that it can possibly be, in seconds; None where its size is unknown."""
        return None if self.size_bytes is None else self.size_bytes / _SPARSEST_BYTES_PER_S


class Timeline:
    """Tell how much silence belongs before each piece of sound.

    `origin_s` is the time stamp of 0:00, None to take the first one seen; `duration_s` what the file claims
    to last, None where unknown. A time stamp that is not believed, or one that runs backwards, adds nothing: sound
    goes on without a gap, and later time stamps count from there.
    """

    def __init__(self, origin_s: float | None, duration_s: float | None, holdings: Holdings | None = None) -> None:
        self._origin_s = origin_s
        self._end_s = duration_s
        self._holdings = holdings or Holdings()
        self._sound_s = 0.0
        self._sound_bytes = 0
        self._read_to = 0
        self.position_s = 0.0

    def needs_confirmation(self, stamp_s: float | None) -> bool:
        """Whether `gap_before` wants to know the stamp that comes after this one."""
        return stamp_s is not None and self._gap_s(stamp_s) > _CONFIRMED_S

    def gap_before(self, stamp_s: float | None, place: Place | None = None, next_stamp_s: float | None = None) -> float:
        """Return the silence, in seconds, that belongs before sound with this time stamp, from this place."""
        if stamp_s is None:
            return 0.0
        gap_s = self._gap_s(stamp_s)
        is_confirmed = gap_s <= _CONFIRMED_S or next_stamp_s is None or 0 <= next_stamp_s - stamp_s <= _CONFIRMED_S
        if gap_s < -_RESTART_S or not is_confirmed or not self._can_hold(gap_s, place):
            self._origin_s = stamp_s - self.position_s
            return 0.0
        return gap_s if gap_s >= _SMALLEST_GAP_S else 0.0

    def advance(self, seconds: float, place: Place | None = None) -> None:
        """Count sound or silence that was passed on, and where the sound was read from."""
        self.position_s += seconds
        if place is None:
            return
        self._sound_s += seconds
        if place.start + place.size > self._read_to:
            # Of a packet that holds several frames the bytes count once.
            self._sound_bytes += place.size
            self._read_to = place.start + place.size

    def _gap_s(self, stamp_s: float) -> float:
        if self._origin_s is None:
            self._origin_s = stamp_s - self.position_s
        return stamp_s - self._origin_s - self.position_s

    def _can_hold(self, gap_s: float, place: Place | None) -> bool:
        """Whether a gap of this length fits in the file."""
        end_s = self.position_s + gap_s
        if self._end_s is not None and end_s > self._end_s:
            return False
        if self._end_s is None and gap_s > _LARGEST_GAP_S:
            return False
        if place is None or gap_s < _SMALLEST_GAP_S:
            return True
        between = max(0, place.start - self._read_to)
        if gap_s <= between / _SPARSEST_BYTES_PER_S:
            return True
        size, most_s = self._holdings.size_bytes, self._holdings.most_s
        if size is None or most_s is None:
            return True
        if self._holdings.knows_length:
            return end_s <= most_s
        # Only stamps say how long it is. Pauses may have no bytes, but no more of them than there is sound.
        per_s = (self._sound_bytes + place.size) / (self._sound_s + _SMALLEST_GAP_S)
        return self.position_s - self._sound_s + gap_s <= size / per_s
