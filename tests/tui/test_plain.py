"""Captions as text and JSON lines, through the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from speech3n.errors import DeviceError
from speech3n.session import live as live_sessions
from speech3n.session.live import LiveRequest
from speech3n.tui import plain
from speech3n.tui.cli import live
from speech3n.types import Gap, Segment, Update, Word
from tests.fakes import FakeEngine


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """Run `live` with an engine that needs no weights."""
    engine = FakeEngine()
    monkeypatch.setattr(live_sessions, "open_engine", lambda model: engine)
    monkeypatch.setattr(live_sessions, "install_model", lambda model: None)

    def run(*arguments: object, stdin: bytes | None = None):
        return CliRunner().invoke(live, [str(argument) for argument in arguments], input=stdin, standalone_mode=False)

    return run


def test_plain_is_a_segment_a_line_with_its_translation_below(run, examples: dict[str, Path], tmp_path: Path) -> None:
    result = run(examples["en"], "--plain", "--translate", "--language", "es", "--save", tmp_path / "s")
    assert result.return_value == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("w0 w1")
    assert lines[1].startswith("  → t0 t1")
    assert "\x1b" not in result.stdout
    assert str(tmp_path / "s") in result.stderr
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "audio-00000.wav",
        "events.jsonl",
        "session.json",
        "transcript.json",
        "transcript.srt",
        "transcript.txt",
    ]


def test_jsonl_is_what_the_design_says(run, examples: dict[str, Path]) -> None:
    records = [json.loads(line) for line in run(examples["en"], "--jsonl", "--language", "es").stdout.splitlines()]
    updates = [record for record in records if record["type"] == "update"]
    fields = {"segment", "committed", "tentative", "translation_committed", "translation_tentative", "audio_s"}
    assert fields | {"elapsed_s"} <= set(updates[0])
    segments = [record for record in records if record["type"] == "segment"]
    assert {"id", "start", "end", "text", "translation", "words"} <= set(segments[0])
    assert set(records[-1]) == {"type", "audio_s", "elapsed_s", "dropped_s"}
    assert records[-1]["type"] == "end"
    assert records[-1]["audio_s"] == pytest.approx(11, abs=0.1)


def test_raw_pcm_on_stdin(examples: dict[str, Path], tmp_path: Path) -> None:
    from tests.conftest import read_waveform

    pcm = (read_waveform(examples["en"]) * 32767).astype("<i2").tobytes()
    program = (
        "import sys; from tests.fakes import FakeEngine; from speech3n.session import live\n"
        "live.open_engine = lambda model: FakeEngine(); live.install_model = lambda model: None\n"
        "from speech3n.cli.main import main\n"
        "main(['live', '-', '--jsonl', '--language', 'es', '--save', sys.argv[1]])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "s")]
    done = subprocess.run(command, input=pcm, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[-1]["audio_s"] == pytest.approx(11, abs=0.1)
    assert any(record["type"] == "segment" for record in records)
    assert (tmp_path / "s" / "audio-00000.wav").stat().st_size > 300_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "kill", "hang-up"])
def test_a_signal_finishes_the_segment_and_saves(
    number: signal.Signals, examples: dict[str, Path], tmp_path: Path
) -> None:
    program = (
        "import sys; from tests.fakes import FakeEngine; from speech3n.session import live\n"
        "live.open_engine = lambda model: FakeEngine(); live.install_model = lambda model: None\n"
        "from speech3n.cli.main import main\n"
        "main(['live', sys.argv[2], '--jsonl', '--pace', 'realtime', '--language', 'es', '--save', sys.argv[1]])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "s"), str(examples["en"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["type"] == "update"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"Finishing" in err
    assert err.strip().endswith(b"transcript.json)"), "last comes where the session is"
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["type"] for record in records[-2:]] == ["segment", "end"]
    assert (tmp_path / "s" / "transcript.txt").read_text().startswith("w0")


def test_a_reader_that_goes_away_is_no_traceback(examples: dict[str, Path], tmp_path: Path) -> None:
    program = (
        "import sys; from tests.fakes import FakeEngine; from speech3n.session import live\n"
        "live.open_engine = lambda model: FakeEngine(); live.install_model = lambda model: None\n"
        "from speech3n.cli.main import main\n"
        "main(['live', sys.argv[2], '--jsonl', '--language', 'es', '--save', sys.argv[1]])\n"
    )
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", program, str(tmp_path / "s"), str(examples["en"])]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert b"Session kept" in done.stderr
    records = [json.loads(line) for line in (tmp_path / "s" / "events.jsonl").read_text().splitlines()]
    assert records[-1]["type"] == "end", "the utterance that was going on is finished"
    assert (tmp_path / "s" / "transcript.txt").read_text() == "".join(
        f"{record['text']}\n" for record in records if record["type"] == "segment"
    )


class FullStream(io.StringIO):
    """Takes so many characters."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, text: str) -> int:
        if self.tell() + len(text) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_output_that_fails_ends_no_capture(
    examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speech3n.session.live.open_engine", lambda model: FakeEngine())
    monkeypatch.setattr("speech3n.session.live.install_model", lambda model: None)
    request = LiveRequest(str(examples["en"]), language="es", save=tmp_path / "s")
    with pytest.raises(OSError, match="No space left"):
        plain.run_plain(request, jsonl=True, out=FullStream(300))
    transcript = json.loads((tmp_path / "s" / "transcript.json").read_text())
    assert transcript["segments"][-1]["end"] > 10


@pytest.mark.parametrize(("encoding", "arrow"), [("utf-8", "  → "), ("latin-1", "  -> "), ("ascii", "  -> ")])
def test_the_arrow_is_one_that_the_encoding_has(
    encoding: str, arrow: str, examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speech3n.session.live.open_engine", lambda model: FakeEngine())
    monkeypatch.setattr("speech3n.session.live.install_model", lambda model: None)
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    request = LiveRequest(str(examples["en"]), language="es", translate=True, save=tmp_path / "s")
    plain.run_plain(request, out=out)
    out.seek(0)
    assert out.read().splitlines()[1].startswith(f"{arrow}t0")


@pytest.mark.usefixtures("run")
def test_a_session_without_a_microphone_leaves_nothing(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_microphone(self: object) -> None:
        raise DeviceError("No microphone was found.", "Plug one in.")

    monkeypatch.setattr("speech3n.audio.microphone.Microphone.frames", no_microphone)
    result = run("mic", "--plain", "--save", tmp_path / "s")
    assert isinstance(result.exception, DeviceError)
    assert not (tmp_path / "s").exists()


def test_discard_audio_keeps_the_text_only(examples: dict[str, Path], tmp_path: Path, run) -> None:
    run(
        examples["en"], "--plain", "--pace", "realtime", "--discard-audio", "--language", "es", "--save", tmp_path / "s"
    )
    names = {path.name for path in (tmp_path / "s").iterdir()}
    assert "transcript.txt" in names
    assert not [name for name in names if name.startswith("audio")]


def test_a_folder_with_another_session_is_refused(run, examples: dict[str, Path], tmp_path: Path) -> None:
    run(examples["en"], "--plain", "--save", tmp_path / "s")
    result = run(examples["en"], "--plain", "--save", tmp_path / "s")
    assert "another session" in str(result.exception)
    assert threading.active_count() < 5


def test_a_terminal_shows_tentative_text_dimmed_and_takes_it_back() -> None:
    out = io.StringIO()
    show = plain.FlowingText(out, is_terminal=True)
    words = tuple(Word(text, 0.0, 1.0, 0.9) for text in "eins zwei drei".split())
    show(Update(words[:2], words[2:], language="de"))
    drawn = out.getvalue()
    assert "eins zwei" in drawn
    assert "\x1b[2mdrei\x1b[0m" in drawn
    show(Segment(0, 0.0, 1.0, "eins zwei drei", words, "de"))
    assert out.getvalue()[len(drawn) :] == "\r\x1b[Jeins zwei drei\n"


def test_a_long_utterance_is_taken_back_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "24")
    out = io.StringIO()
    show = plain.FlowingText(out, is_terminal=True)
    words = tuple(Word(f"Wort{number:02}", 0.0, 1.0, 0.9) for number in range(10))
    show(Update(words, (), ("one", "two"), (), language="de"))
    lines = out.getvalue().count("\n") + 1
    assert lines == 6, "two words a line, and the translation below"
    show.erase()
    assert out.getvalue().endswith(f"\r\x1b[{lines - 1}A\x1b[J")


def test_skipped_sound_is_not_silent(capsys: pytest.CaptureFixture[str]) -> None:
    plain.FlowingText(io.StringIO(), is_terminal=False)(Gap(10.0, 22.0))
    assert "12 s were skipped" in capsys.readouterr().err
