"""Running programs and counting what they take: time, processor time, memory; and keeping a core busy meanwhile."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from speech3n.errors import Speech3nError
from speech3n.eval.systems.memory import peak_memory_mib

_KIB_PER_MIB = 1024
_TAIL_CHARACTERS = 600


class BenchError(Speech3nError):
    """A program under measurement that failed."""


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a whole process took, from its start to its end, imports and loading of weights included."""

    wall_s: float
    cpu_s: float
    peak_rss_mib: float


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> ProcessCost:
    """Run a command and measure it; raises BenchError with the end of its stderr where it fails.

    Peak memory is `ru_maxrss` of wait4(2): the largest resident set of the process or of one of its children.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **(environment or {})}
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            tail = errors.read().decode(errors="replace")[-_TAIL_CHARACTERS:].strip()
            program = " ".join(command[:4])
            raise BenchError(f"'{program} ...' ended with exit code {process.returncode}: {tail}")
    # macOS counts ru_maxrss in bytes, Linux in KiB.
    peak_kib = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return ProcessCost(wall_s, usage.ru_utime + usage.ru_stime, peak_kib / _KIB_PER_MIB)


def peak_rss_mb() -> float:
    """The largest resident set of this process so far, in 10^6 bytes (`peak_memory_mib`); NaN where nobody tells it."""
    peak = peak_memory_mib()
    return math.nan if peak is None else peak * 2**20 / 1e6


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy with a process of its own."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


def speech3n_command() -> list[str]:
    """The `speech3n` program of this Python environment."""
    program = Path(sys.executable).with_name("speech3n")
    if not program.exists():
        raise BenchError(f"There is no {program}.", "Install the project with `make setup` first.")
    return [str(program)]
