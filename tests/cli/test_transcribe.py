"""`transcribe` on what is no plain file, and on files that are there already."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speech3n.session.batch import TranscribeRequest, transcribe_all
from speech3n.session.offline import transcribe_file
from speech3n.types import Waveform
from tests.cli.conftest import Run
from tests.conftest import silence
from tests.fakes import FakeEngine, frames


@pytest.fixture
def clip(examples: dict[str, Path], tmp_path: Path) -> Path:
    """A recording in a folder of its own."""
    path = tmp_path / "in" / "talk.flac"
    path.parent.mkdir()
    path.write_bytes(examples["en"].read_bytes())
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_named_pipes_are_opened_once_and_in_turn(run: Run, clip: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        os.mkfifo(tmp_path / name)

    def write() -> None:
        # One after the other: who opens both before reading the first waits for ever.
        (tmp_path / "one").write_bytes(clip.read_bytes())
        (tmp_path / "two").write_bytes(clip.read_bytes())

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    result = run("transcribe", tmp_path / "one", tmp_path / "two", "--output-dir", tmp_path / "out")
    writer.join(10)
    assert result.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.txt", "two.txt"]


def test_stdin_is_an_input(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(clip.read_bytes())))
    assert run("transcribe", "-").out == run("transcribe", clip).out != ""


def test_stdin_may_be_raw(run: Run, english, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(english.astype("<f4").tobytes())))
    assert run("transcribe", "-", "--sample-format", "f32le").out.startswith("w0 w1")


def test_stdin_without_anything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    result = run("transcribe", "-")
    assert (result.code, result.err) == (
        1,
        "Failed: stdin ended without any audio. Check the program that writes to it.\n",
    )


def test_an_address_that_cannot_be_reached_is_one_line(run: Run, clip: Path, tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/talk.mp3"
    result = run("transcribe", url)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Failed: {url} cannot be reached: Connection refused")
    result = run("transcribe", url, clip, "--output-dir", tmp_path / "out")
    assert result.code == 1
    assert "1 of 2 transcribed, 1 failed" in result.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["talk.flac.txt"]


def test_what_cannot_be_opened_counts_as_failed(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run("transcribe", clip, "missing.flac", "--output-dir", tmp_path / "out")
    assert "1 of 2 transcribed, 1 failed" in result.err


def test_nothing_that_is_there_is_overwritten_unasked(run: Run, clip: Path) -> None:
    subtitles = clip.with_suffix(".srt")
    subtitles.write_text("corrected by hand")
    result = run("transcribe", clip, "--format", "txt,srt")
    assert result.code == 2
    assert "talk.srt' exists already" in result.err
    assert sorted(path.name for path in clip.parent.iterdir()) == ["talk.flac", "talk.srt"]

    assert run("transcribe", clip, "--format", "txt,srt", "--skip-existing").code == 0
    assert subtitles.read_text() == "corrected by hand"
    assert clip.with_suffix(".txt").exists()

    assert run("transcribe", clip, "--format", "txt,srt", "--overwrite").code == 0
    assert "w0 w1" in subtitles.read_text()


@pytest.mark.parametrize("name", ["a" * 300 + ".wav", "[ab]" * 100, f"http://127.0.0.1:9/{'a' * 300}.mp3"])
def test_a_name_that_is_too_long_is_one_line(run: Run, name: str, tmp_path: Path) -> None:
    for options in ((), ("--format", "srt"), ("--output-dir", tmp_path)):
        result = run("transcribe", name, *options)
        assert result.code in (1, 2)
        assert "Internal error" not in result.err
        assert result.err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions are of POSIX")
def test_what_cannot_be_written_is_kept_elsewhere(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "file").touch()
    result = run("transcribe", clip, "--output-dir", tmp_path / "file" / "out", "--format", "txt,json")
    assert result.code == 1
    (folder,) = (tmp_path / "temporary").iterdir()
    assert f"in '{folder}' instead" in result.err
    assert sorted(path.name for path in folder.iterdir()) == ["talk.json", "talk.txt"]
    assert (folder / "talk.txt").read_text("utf-8") == run("transcribe", clip).out
    assert (folder / "talk.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("options", [(), ("--format", "txt")])
def test_what_came_before_an_interruption_is_shown_or_kept(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch, english: Waveform, options: tuple[str, ...]
) -> None:
    def broken(self: object) -> Iterator[Waveform]:
        yield from frames(np.concatenate([english, silence(3.0)]))
        raise KeyboardInterrupt

    monkeypatch.setattr("speech3n.audio.source.FileSource.frames", broken)
    result = run("transcribe", clip, *options)
    assert result.code == 130
    if options:
        assert f"of its first 11 s is kept as {clip.with_name('talk.partial.txt')}." in result.err
        assert clip.with_name("talk.partial.txt").read_text("utf-8").startswith("w0 w1")
    else:
        assert result.out.startswith("w0 w1")
        assert "is shown." in result.err
    assert not clip.with_name("talk.txt").exists()


def test_an_input_is_never_overwritten(run: Run, clip: Path) -> None:
    odd = clip.rename(clip.with_name("talk.txt"))
    before = odd.read_bytes()
    result = run("transcribe", odd, "--format", "txt", "--overwrite")
    assert result.code == 2
    assert "is an input" in result.err
    assert odd.read_bytes() == before


def test_more_files_than_may_be_open(run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.session.batch._MOST_OPEN", 1)
    for number in range(3):
        clip.with_name(f"{number}.flac").write_bytes(clip.read_bytes())
    assert run("transcribe", clip.parent, "--output-dir", tmp_path / "out").code == 0
    texts = {path.read_text() for path in (tmp_path / "out").iterdir()}
    assert len(texts) == 1
    assert len(list((tmp_path / "out").iterdir())) == 4


class Listener:
    """A program that uses the library."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.heard_s: list[float] = []
        self.total_s: float | None = None

    def begin(self, files: int, total_s: float | None):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        self.total_s = total_s
        return nullcontext()

    def file(self, name: str):  # type: ignore[no-untyped-def]
        return self.heard_s.append

    def note(self, text: str) -> None: ...

    def failure(self, error: BaseException) -> None: ...

    def show(self, text: str) -> None:
        self.texts.append(text)


def test_the_library_prints_nothing(run: Run, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listener = Listener()
    assert transcribe_all(TranscribeRequest((str(clip),), "whisper-base"), listener)
    assert listener.texts[0].startswith("w0 w1")
    assert listener.total_s == pytest.approx(11, abs=0.1)
    assert listener.heard_s[-1] == pytest.approx(11, abs=0.1)
    assert transcribe_file(clip, model=FakeEngine()).text == listener.texts[0].rstrip()
    assert capsys.readouterr() == ("", "")


def test_stdout_that_is_closed_is_one_line(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", None)
        result = run("transcribe", clip)
    assert result.code == 1
    assert result.err.startswith("Failed: stdout is closed.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_stdout_that_is_full_is_one_line(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", full)
        result = run("transcribe", clip)
    assert result.code == 1
    assert result.err.startswith("Failed: stdout cannot be written: No space left on device.")


def test_what_an_encoding_lacks_is_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    assert run("--version").code == 0
    print("s\u00ed \u2192 yes", file=out, flush=True)
    assert b"s? ? yes" in out.buffer.getvalue()  # type: ignore[attr-defined]
