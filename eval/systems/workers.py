"""Systems in processes of their own: a recogniser that dies takes only the recording it was busy with."""

from __future__ import annotations

import math
import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from speech3n.errors import EngineError, Speech3nError
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.memory import peak_memory_mib
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import System

Job = TypeVar("Job")

_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Work:
    """A recording for a system."""

    recording: Recording
    translate: bool


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection


@dataclass(slots=True)
class _Busy(Generic[Job]):
    job: Job
    system: System
    worker: _Worker
    done_s: float = 0.0


class WorkerPool(Generic[Job]):
    """Up to `jobs` jobs at a time, over processes that each hold one system open."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._idle: dict[System, list[_Worker]] = {}
        self._busy: dict[Connection, _Busy[Job]] = {}

    @property
    def has_room(self) -> bool:
        """Whether another job may begin."""
        return len(self._busy) < self._jobs

    @property
    def is_busy(self) -> bool:
        """Whether jobs are going on."""
        return bool(self._busy)

    def begin(self, job: Job, system: System, work: Work) -> None:
        """Give a job to a process of the system, a new one where none is idle."""
        idle = self._idle.setdefault(system, [])
        worker = idle.pop() if idle else self._start(system)
        self._busy[worker.connection] = _Busy(job, system, worker)
        # One that died while it was idle is found out by `wait`.
        with suppress(OSError):
            worker.connection.send(work)

    @property
    def done_s(self) -> float:
        """Seconds of audio that the jobs going on have come through."""
        return sum(busy.done_s for busy in self._busy.values())

    def wait(self) -> list[tuple[Job, Recognition | Speech3nError]]:
        """Wait until a job ends or gets on, and say how those that ended did; a process that died is an EngineError."""
        done = []
        for connection in wait(list(self._busy)):
            assert isinstance(connection, Connection)
            busy = self._busy[connection]
            try:
                answer = connection.recv()
            except (EOFError, OSError):
                answer = _death(busy.worker.process, busy.system)
            else:
                if isinstance(answer, float):
                    busy.done_s = answer
                    continue
                self._idle[busy.system].append(busy.worker)
            del self._busy[connection]
            done.append((busy.job, answer))
        return done

    def close(self) -> None:
        """End all processes; those that are busy are not waited for."""
        workers = [busy.worker for busy in self._busy.values()]
        for worker in workers:
            worker.process.terminate()
        workers += [worker for idle in self._idle.values() for worker in idle]
        for worker in workers:
            worker.connection.close()
        for worker in workers:
            worker.process.join()
        self._busy.clear()
        self._idle.clear()

    def _start(self, system: System) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(system, there), daemon=True)
        process.start()
        # With the other end open here too, nobody would notice that the process has died.
        there.close()
        return _Worker(process, here)


def _serve(system: System, connection: Connection) -> None:
    """The life of a process: open the system at the first job, recognise, until the other side hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer = _answering(system, connection.send)
    while True:
        try:
            work = connection.recv()
        except EOFError:
            return
        connection.send(answer(work))


def _answering(system: System, tell: Callable[[float], None]) -> Callable[[Work], Recognition | Speech3nError]:
    from speech3n.runtime.threads import limit_blas_threads

    limit_blas_threads()
    opened = None
    told_at = -math.inf

    def progress(seconds: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_EVERY_S:
            told_at = time.monotonic()
            tell(float(seconds))

    def answer(work: Work) -> Recognition | Speech3nError:
        nonlocal opened
        try:
            if opened is None:
                opened = system.open()
            recognition = opened.recognise(work.recording, translate=work.translate, progress=progress)
        except Speech3nError as error:
            return error
        except Exception as error:
            # Another program's fault may be anything, and must not end the evaluation of the others.
            return EngineError(
                f"{system.name} failed on {work.recording.audio}: {type(error).__name__}: {error}.",
                "Try the file by itself, with --debug.",
            )
        return replace(recognition, peak_memory_mib=peak_memory_mib())

    return answer


def _death(process: BaseProcess, system: System) -> EngineError:
    process.join()
    code = process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    hint = "There may not be enough memory: try fewer --jobs." if code == -signal.SIGKILL else "Results are kept."
    return EngineError(f"The process of {system.name} {how}.", hint)
