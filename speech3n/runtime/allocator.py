"""Keep the memory of a long session flat: large buffers go back to the system when they are freed.

A recogniser's buffers follow the length of the utterance, so that hardly two are of one size. glibc raises its limit
for separate mappings each time a large block is freed, and from then on keeps such blocks in its heap, where they
fragment: an hour of captions grew from 270 to 860 MiB.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
_LARGE_BYTES = 1 << 20


def set_malloc_thresholds() -> None:
    """Give blocks of a megabyte or more mappings of their own, for the whole process; does nothing without glibc."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)
