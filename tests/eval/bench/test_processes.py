import json
import subprocess
import sys

import psutil
import pytest

from speech3n.eval.bench.processes import BenchError, busy_core, run_process


def test_a_process_is_measured_whole() -> None:
    allocate = "data = bytearray(200 * 2**20); data[::4096] = b'x' * len(data[::4096]); sum(range(3_000_000))"
    # Measured from a small process, as the benchmark is: a child's peak counts from the size of who forks it.
    measure = (
        "import json, sys; from dataclasses import asdict; from speech3n.eval.bench.processes import run_process\n"
        "print(json.dumps(asdict(run_process([sys.executable, '-c', sys.argv[1]]))))"
    )
    done = subprocess.run([sys.executable, "-c", measure, allocate], capture_output=True, check=True)
    cost = json.loads(done.stdout)
    assert 200 < cost["peak_rss_mib"] < 400
    assert 0.01 < cost["cpu_s"] <= 4 * cost["wall_s"]


def test_the_environment_reaches_the_process() -> None:
    check = "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] != '1')"
    run_process([sys.executable, "-c", check], {"OMP_NUM_THREADS": "1"})


def test_a_failure_shows_the_end_of_what_the_program_said() -> None:
    with pytest.raises(BenchError, match=r"exit code 3: .*no weights"):
        run_process([sys.executable, "-c", "import sys; print('no weights', file=sys.stderr); sys.exit(3)"])


def test_a_core_is_busy_only_meanwhile() -> None:
    before = set(psutil.Process().children())
    with busy_core():
        (spinner,) = set(psutil.Process().children()) - before
        assert "while True" in " ".join(spinner.cmdline())
    assert not spinner.is_running()
