"""The UI's terminal: its own screen and keys, whatever stdin and file descriptor 2 are."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

PROGRAM = """
import os, sys
from speech3n.tui.terminal import has_terminal, ui_terminal
assert has_terminal()
before = sys.__stdin__, sys.__stderr__
with ui_terminal() as screen:
    os.write(2, b"noise of a library\\n")
    sys.__stderr__.write("drawn\\n"); sys.__stderr__.flush()
    assert sys.__stdin__.isatty()
    key = sys.__stdin__.readline().strip()
    sound = sys.stdin.buffer.read()
    screen.write(f"key {key} sound {sound!r}\\n"); screen.flush()
assert (sys.__stdin__, sys.__stderr__) == before
os.write(2, b"after\\n")
"""


def _run_on_terminal(keys: bytes, sound: bytes) -> str:
    """What appears on a pseudo-terminal where PROGRAM runs with `sound` on stdin."""
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.close(os.open({os.ttyname(child)!r}, os.O_RDWR))\n{PROGRAM}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=child,
        start_new_session=True,
    )
    assert process.stdin is not None
    os.write(main, keys)
    process.stdin.write(sound)
    process.stdin.close()
    seen = b""
    while not seen.rstrip().endswith(b"after") and select.select([main], [], [], 20)[0]:
        seen += os.read(main, 4096)
    assert process.wait(20) == 0, seen
    os.close(main)
    os.close(child)
    return seen.decode()


def test_keys_come_from_the_terminal_and_sound_from_the_pipe() -> None:
    seen = _run_on_terminal(b"q\n", b"pcm")
    assert "drawn" in seen
    assert "key q sound b'pcm'" in seen


def test_what_libraries_print_does_not_reach_the_screen() -> None:
    seen = _run_on_terminal(b"q\n", b"")
    assert "noise" not in seen
    assert "after" in seen, "file descriptor 2 is the terminal again"


def test_without_any_terminal_there_is_no_ui() -> None:
    program = "from tui.terminal import has_terminal; raise SystemExit(has_terminal())"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, check=False
    )
    assert done.returncode == 0, done.stderr
