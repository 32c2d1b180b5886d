"""The command `live`, beside what its captions look like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speech3n.errors import DeviceError, UsageError
from speech3n.session.live import LiveRequest, open_live
from speech3n.tui.command import LiveCommand, run
from speech3n.tui.farewell import saved_line
from speech3n.tui.state import request_again
from speech3n.types import Waveform
from tests.fakes import FakeEngine, FakeSource


def test_another_try_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    request = LiveRequest(save=tmp_path / "talk")
    assert request_again(request).save == tmp_path / "talk"
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk-2").mkdir()
    assert request_again(request).save == tmp_path / "talk-3"
    assert request_again(LiveRequest()).save is None


def test_what_is_said_in_the_end_names_folder_and_files(english: Waveform, tmp_path: Path) -> None:
    request = LiveRequest(FakeSource(english), save=tmp_path / "s", formats="txt,json")
    with open_live(request, FakeEngine()) as live:
        list(live.events())
    assert saved_line(live) == f"Session kept in {tmp_path / 's'} (transcript.txt, transcript.json)"


def test_no_microphone_to_list_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.audio.microphone.list_devices", lambda: [])
    with pytest.raises(DeviceError, match="No microphone"):
        run(LiveCommand(LiveRequest(), list_devices=True))


def test_plain_and_jsonl_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude"):
        run(LiveCommand(LiveRequest(), plain=True, jsonl=True))


@pytest.mark.parametrize("output", ["--plain", "--jsonl"])
def test_text_and_json_need_no_textual(output: str, examples: dict[str, Path], tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['textual'] = None\n"
        "from tests.fakes import FakeEngine; from speech3n.session import live\n"
        "live.open_engine = lambda model: FakeEngine(); live.install_model = lambda model: None\n"
        "from speech3n.cli.main import main\n"
        "main(['live', sys.argv[2], sys.argv[3], '--language', 'es', '--save', sys.argv[1]])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "s"), str(examples["en"]), output]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "w0 w1" in done.stdout
