"""How many threads to compute with, decided before any numerical library is loaded.

A decoder step of a small model is dozens of products that take microseconds; threads that meet after each of
them cost more than they bring. On two cores Whisper base decodes three times faster with one thread than with
two, and the other core stays free for capture, display and whatever else the computer does.
"""

from __future__ import annotations

import os


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


def keep_libraries_modest() -> None:
    """Stop numerical libraries from spinning on every core; only for programs, and before numpy is imported."""
    # numpy's only work here is a small product for each mel spectrogram.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Where the recogniser has several threads, those that wait should sleep.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
