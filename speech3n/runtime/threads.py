"""How many threads to compute with, decided before any numerical library is loaded.

A decoder step of a small model is dozens of products that take microseconds; threads that meet after each of
them cost more than they bring. On two cores Whisper base decodes three times faster with one thread than with
two, and the other core stays free for capture, display and whatever else the computer does.
"""

from __future__ import annotations

import os

_SPINS = 20_000
"""Less than a millisecond: as long as a thread of a decoder step waits for the next product, if it gets its core."""


def compute_threads() -> int:
    """Threads for a recogniser: half of the cores and at most four, or what SPEECH3N_THREADS says."""
    if configured := os.environ.get("SPEECH3N_THREADS", ""):
        return max(1, int(configured)) if configured.isdecimal() else 1
    return max(1, min(4, (os.cpu_count() or 2) // 2))


def model_threads() -> int:
    """Threads for a model whose products take milliseconds, billions of parameters: all cores, at most eight."""
    if os.environ.get("SPEECH3N_THREADS", ""):
        return compute_threads()
    return max(1, min(8, os.cpu_count() or 1))


def limit_blas_threads() -> None:
    """Stop numerical libraries from spinning on every core; only for programs, and before numpy is imported."""
    # numpy's only work here is a small product for each mel spectrogram.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A thread that sleeps after each product takes longer to wake than the product takes, one that spins on and on
    # keeps its core from other programs. `adaptive_threads` sees to it that nobody spins for a core that another has.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_SPINS))
