"""Standard streams that are closed, full, or lack characters; names that would write to the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speech3n.errors import AudioError, printable

PROGRAM = (
    "import click; from speech3n.cli import main\n"
    "main.cli = click.Command('say', callback=lambda: print('Qué número → 1'))\n"
    "main.main([])\n"
)


def run(shell: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program that prints a line, as `shell` says with $0 and $1."""
    command = ["sh", "-c", shell, sys.executable, PROGRAM]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "ascii"])
def test_what_an_encoding_lacks_is_replaced(encoding: str) -> None:
    done = run(f'PYTHONIOENCODING={encoding} "$0" -c "$1"')
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding).startswith("Qu? n?mero ?" if encoding == "ascii" else "Qué número ")


def test_a_closed_stdout_is_said() -> None:
    done = run('"$0" -c "$1" >&-')
    assert done.returncode == 1
    assert done.stderr.startswith(b"speech3n: stdout is closed.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_stdout_is_said_in_one_line() -> None:
    done = run('"$0" -c "$1" >/dev/full')
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"speech3n: stdout cannot be written: No space left on device.")


def test_no_stderr_ends_nothing() -> None:
    assert run('"$0" -c "$1" 2>&-').returncode == 0


def test_names_from_outside_move_no_cursor() -> None:
    name = "a\x1b]0;title\x07\x1b[31m\u202egnp\n.wav"
    error = AudioError(f"{name} is empty.", f"See {name}.")
    shown = r"a\x1b]0;title\x07\x1b[31m\u202egnp\n.wav"
    assert str(error) == f"{shown} is empty. See {shown}."
    assert printable("Ño é 日本 👩\u200d🚀\xa0.") == "Ño é 日本 👩\u200d🚀\xa0."
