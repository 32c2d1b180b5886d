"""How much memory this process has taken; imports nothing, so that the figure is not about itself."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory_mib() -> float | None:
    """The largest resident memory that this process ever had; None where the system does not tell it (Windows).

    On Linux `VmHWM` of proc(5): `ru_maxrss` begins at the size of the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 2**10
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others KiB.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
