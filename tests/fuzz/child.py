"""Inputs tried in a process of its own, which may crash, hang or eat all memory without taking the tests with it."""

from __future__ import annotations

import hashlib
import os
import resource
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.fuzz.outcome import KEPT

_LONGEST_S = 20.0
"""Of computing; a machine that is busy with other things may take `_PATIENCE_S`."""
_PATIENCE_S = 300.0
_MOST_MEMORY = 4 << 30


def try_all(module: str, inputs: Iterable[Path]) -> list[str]:
    """Give inputs, one after the other, to `use` of a module; what went wrong, each with the place where it is kept.

    After a crash the rest is given to another process.
    """
    failures = []
    rest = list(inputs)
    while rest:
        done, problem = _try_some(module, rest)
        if problem is not None:
            failures.append(f"{_kept(module, rest[done])}: {problem}")
        rest = rest[done + 1 :] if problem is not None else []
    return failures


def _try_some(module: str, inputs: list[Path]) -> tuple[int, str | None]:
    """How many inputs came to a good end, and what happened to the next one."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.child", module, *map(str, inputs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        done = -1  # The first line says that it has begun.
        is_late = False
        errors: list[str] = []
        with selectors.DefaultSelector() as streams:
            streams.register(process.stdout, selectors.EVENT_READ)
            streams.register(process.stderr, selectors.EVENT_READ)
            os.set_blocking(process.stdout.fileno(), False)
            os.set_blocking(process.stderr.fileno(), False)
            computed_s, since_s = _computed_s(process.pid), time.monotonic()
            while streams.get_map():
                for key, _ in streams.select(timeout=1.0):
                    text = key.fileobj.read()  # type: ignore[union-attr]
                    if not text:
                        streams.unregister(key.fileobj)
                    elif key.fileobj is process.stderr:
                        errors.append(text)
                    else:
                        done += text.count("\n")
                        computed_s, since_s = _computed_s(process.pid), time.monotonic()
                is_late = _computed_s(process.pid) - computed_s > _LONGEST_S or time.monotonic() - since_s > _PATIENCE_S
                if is_late:
                    process.kill()
                    break
        code = process.wait()
    if code == 0 and done == len(inputs):
        return done, None
    what = f"it took more than {_LONGEST_S:.0f} s" if is_late else f"exit code {code}"
    return max(0, done), f"{what}\n{''.join(errors)[-4_000:]}"


def _computed_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _kept(module: str, path: Path) -> Path:
    name = f"{module.rsplit('.', 1)[-1]}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}-{path.name}"
    kept = KEPT / name
    KEPT.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, kept, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, kept)
    return kept


def main(module: str, *paths: str) -> None:
    """Use each input, with a line on stdout after each."""
    from importlib import import_module

    from tests.fuzz.outcome import outcome

    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    use = import_module(module).use
    print("begun", flush=True)
    for path in paths:
        outcome(lambda path=path: use(Path(path)))  # type: ignore[misc]
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
