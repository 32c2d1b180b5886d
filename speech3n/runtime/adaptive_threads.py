"""How many threads torch computes with while other programs want cores, too."""

from __future__ import annotations

import os
import time

import psutil
import torch

_UPDATE_EVERY_S = 0.4
_STALE_S = 2.0
"""What others did so long ago says nothing about now."""


class AdaptiveThreads:
    """How many threads can compute without waiting for a core that another program uses.

    Threads meet after each product: where one of two has to wait its turn, both do, and two are slower than one.
    """

    def __init__(self, most: int) -> None:
        self.threads = most
        self._most = most
        self._updated_s = time.monotonic()
        self._busy_s, self._own_s = _busy_s(), time.process_time()

    def update(self) -> bool:
        """Bring `threads` up to date, where the last update is a while ago; whether it changed."""
        now = time.monotonic()
        passed = now - self._updated_s
        if passed < _UPDATE_EVERY_S:
            return False
        busy, own, before = _busy_s(), time.process_time(), self.threads
        if passed < _STALE_S:
            others = max(0.0, (busy - self._busy_s) - (own - self._own_s)) / passed
            self.threads = max(1, min(self._most, round((os.cpu_count() or 1) - others)))
        self._updated_s, self._busy_s, self._own_s = now, busy, own
        return self.threads != before


_adaptive: AdaptiveThreads | None = None


def set_threads(most: int, *, adaptive: bool) -> None:
    """Have torch compute with so many threads, or, if `adaptive`, with as many of them as `adapt_threads` finds."""
    global _adaptive
    _adaptive = AdaptiveThreads(most) if adaptive else None
    torch.set_num_threads(most)


def adapt_threads() -> None:
    """Leave to other programs the cores that they use: to be called before each step of a few milliseconds or more."""
    if _adaptive is not None and _adaptive.update():
        torch.set_num_threads(_adaptive.threads)


def _busy_s() -> float:
    """Seconds that all cores together have computed."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))
