"""A process that loads one system and does pieces of work when it is told to: `Worker` is its other end.

A process of its own, because memory is measured, and because how threads wait is settled when torch is imported.
Each line it reads names a method of `System`, or `peak`; each line it writes is a JSON list of numbers. The first line
that it writes unasked: seconds from the start of loading to the first token behind a prompt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from speech3n.eval.bench.processes import BenchError, peak_rss_mb
from speech3n.runtime.threads import limit_blas_threads

if TYPE_CHECKING:
    from speech3n.eval.bench.quantised.systems import System

_OURS = ("GOMP_SPINCOUNT", "OPENBLAS_NUM_THREADS")
"""What `limit_blas_threads` set for this program, and transformers is measured without."""
_TAIL_CHARACTERS = 600


class Worker:
    """A loaded system in a process of its own; `first_token_s` is what loading it took.

    Raises BenchError, with the end of what the process said, where it ends by itself.
    """

    def __init__(self, system: str, folder: Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "speech3n.eval.bench.quantised.worker", system, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={name: value for name, value in os.environ.items() if name not in _OURS},
            text=True,
        )
        try:
            (self.first_token_s,) = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, what: str) -> list[float]:
        """Have a piece of work done; returns its numbers."""
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> list[float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            tail = self._errors.read().decode(errors="replace")[-_TAIL_CHARACTERS:].strip()
            raise BenchError(f"A worker ended with exit code {code}: {tail}")
        numbers: list[float] = json.loads(line)
        return numbers

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        # Closes its pipes, too.
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def main(system: str, folder: Path) -> None:
    """Serve until there is nothing more to read."""
    # Libraries print, and answers must stand alone.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if system == "speech3n":
        limit_blas_threads()
    import torch

    bare = peak_rss_mb()
    with torch.inference_mode():
        started = time.perf_counter()
        loaded = _open(system, folder)
        loaded.prefill()
        numbers = [time.perf_counter() - started]
        while True:
            answers.write(json.dumps(numbers) + "\n")
            answers.flush()
            what = sys.stdin.readline().strip()
            if not what:
                return
            numbers = [peak_rss_mb() - bare] if what == "peak" else getattr(loaded, what)()


def _open(system: str, folder: Path) -> System:
    if system == "speech3n":
        from speech3n.eval.bench.quantised.ours import Ours

        return Ours(folder)
    from speech3n.eval.bench.quantised.reference import Reference

    return Reference(folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
