"""What a live session opens, saves and leaves behind, whoever shows its captions."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speech3n.engines.base import EngineInfo
from speech3n.errors import AudioError, DeviceError, StorageError, UsageError
from speech3n.journal.saved import SavedSession
from speech3n.session import live
from speech3n.session.live import LiveRequest, LiveSession, open_live
from speech3n.types import SAMPLE_RATE, End, Segment, Waveform
from tests.fakes import FakeEngine, FakeSource


def spoken(examples: dict[str, Path], folder: Path, **changes: object) -> LiveSession:
    """A session over the English clip that has run to its end and is not closed yet."""
    request = LiveRequest(examples["en"], language="es", save=folder, **changes)  # type: ignore[arg-type]
    session = open_live(request, FakeEngine())
    assert list(session.events())
    return session


def test_the_transcript_holds_every_segment_of_the_journal(examples: dict[str, Path], tmp_path: Path) -> None:
    session = spoken(examples, tmp_path / "s", formats="txt,json")
    paths = session.close()
    assert [path.name for path in paths] == ["transcript.txt", "transcript.json"]
    kept = SavedSession.load(tmp_path / "s")
    assert kept.ended
    assert paths[0].read_text("utf-8").splitlines() == [segment.text for segment in kept.segments]
    assert session.paths == session.close() == paths


def test_text_that_cannot_be_written_stays_in_the_journal(examples: dict[str, Path], tmp_path: Path) -> None:
    session = spoken(examples, tmp_path / "s", pace="realtime", discard_audio=True)
    (tmp_path / "s" / "transcript.txt").mkdir()
    with pytest.raises(StorageError, match=r"transcript\.txt.*recover"):
        session.close()
    assert SavedSession.load(tmp_path / "s").segments
    assert list((tmp_path / "s").glob("audio-*.wav")), "the sound is needed to recover"


def test_a_source_that_cannot_be_opened_leaves_no_folder(tmp_path: Path) -> None:
    request = LiveRequest(tmp_path / "missing.wav", save=tmp_path / "s")
    with pytest.raises(AudioError, match=r"missing\.wav"):
        open_live(request, FakeEngine())
    assert not (tmp_path / "s").exists()


def test_a_feed_that_cannot_begin_leaves_no_folder(examples: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DeviceError("No.")

    monkeypatch.setattr(live, "open_feed", broken)
    with pytest.raises(DeviceError):
        open_live(LiveRequest(examples["en"], save=tmp_path / "s"), FakeEngine())
    assert not (tmp_path / "s").exists()


def test_a_model_that_cannot_translate_says_so(examples: dict[str, Path], tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.info = EngineInfo("mono", frozenset({"en"}))
    request = LiveRequest(examples["en"], translate=True, save=tmp_path / "s")
    with pytest.raises(UsageError, match="cannot translate"):
        open_live(request, engine)


def test_a_missing_model_ends_it_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown model"):
        open_live(LiveRequest(tmp_path / "missing.wav", model="nonesuch", save=tmp_path / "s"))
    assert not (tmp_path / "s").exists()


def test_the_session_closes_the_engine_that_it_opened(
    examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    engine = FakeEngine()
    monkeypatch.setattr(engine, "close", lambda: closed.append("engine"))
    monkeypatch.setattr(live, "install_model", lambda model: None)
    monkeypatch.setattr(live, "open_engine", lambda model: engine)
    with open_live(LiveRequest(examples["en"], language="es", save=tmp_path / "given"), engine):
        pass
    assert not closed
    with open_live(LiveRequest(examples["en"], language="es", save=tmp_path / "own")) as session:
        assert isinstance(list(session.events())[-1], End)
        assert not closed
    assert closed == ["engine"]
    assert [path.name for path in session.paths] == ["transcript.txt", "transcript.srt", "transcript.json"]
    with pytest.raises(AudioError):
        open_live(LiveRequest(tmp_path / "missing.wav"))
    assert closed == ["engine", "engine"]


def test_sound_may_come_from_a_generator(spanish: Waveform, tmp_path: Path) -> None:
    taken: list[int] = []

    def blocks() -> Iterator[Waveform]:
        for start in range(0, len(spanish), 1000):
            taken.append(start)
            yield spanish[start : start + 1000]

    with open_live(LiveRequest(blocks(), language="es", save=tmp_path / "s"), FakeEngine()) as session:
        segments = [event for event in session.events() if isinstance(event, Segment)]
    assert len(taken) == len(range(0, len(spanish), 1000))
    assert segments
    assert session.transcript.duration_s == pytest.approx(len(spanish) / SAMPLE_RATE)
    assert session.transcript.segments == tuple(segments)


def test_what_a_generator_raises_ends_the_session_and_what_was_heard_is_kept(spanish: Waveform, tmp_path: Path) -> None:
    def blocks() -> Iterator[Waveform]:
        yield spanish
        raise ZeroDivisionError

    with (
        pytest.raises(ZeroDivisionError),
        open_live(LiveRequest(blocks(), language="es", save=tmp_path / "s"), FakeEngine()) as session,
    ):
        list(session.events())
    assert (tmp_path / "s" / "transcript.txt").is_file()


def test_a_source_that_is_open_already_is_taken_and_closed(english: Waveform, tmp_path: Path) -> None:
    source = FakeSource(english)
    with open_live(LiveRequest(source, save=tmp_path / "s"), FakeEngine()) as session:
        list(session.events())
    assert source.closed
    assert session.transcript.audio == "fake"


def test_a_session_that_is_left_early_keeps_its_sound(examples: dict[str, Path], tmp_path: Path) -> None:
    request = LiveRequest(examples["en"], language="es", save=tmp_path / "s", discard_audio=True)
    with open_live(request, FakeEngine()) as session:
        next(event for event in session.events() if isinstance(event, Segment))
    assert list((tmp_path / "s").glob("audio-*.wav"))


def test_language_and_task_are_changed_by_name(english: Waveform, tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_live(LiveRequest(np.tile(english, 2), language="es", save=tmp_path / "s"), engine) as session:
        for event in session.events():
            if isinstance(event, Segment):
                session.configure("english", translate=True)
    first, *_, last = ((options.language, options.translate) for options in engine.opened)
    assert (first, last) == (("es", False), ("en", True))


def test_what_a_session_leaves_only_its_owner_may_read(examples: dict[str, Path], tmp_path: Path) -> None:
    request = LiveRequest(str(examples["en"]), language="en", save=tmp_path / "s")
    with open_live(request, FakeEngine()) as live:
        list(live.events())
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "s").iterdir()} == {0o600}
    assert {path.suffix for path in live.paths} == {".txt", ".srt", ".json"}


def test_without_any_room_the_transcript_is_written_elsewhere_and_that_is_said(
    examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    live = open_live(LiveRequest(str(examples["en"]), language="en", save=tmp_path / "s"), FakeEngine())
    list(live.events())
    (tmp_path / "s" / "transcript.txt").mkdir()
    monkeypatch.setattr(type(live.journal), "is_whole", False)
    with pytest.raises(StorageError, match=r"The transcript is in '.*elsewhere.*' instead"):
        live.close()
    assert live.paths[0].read_text()


@pytest.mark.parametrize("has_other_room", [True, False])
def test_where_a_transcript_is_comes_before_what_the_journal_lacks(
    examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_other_room: bool
) -> None:
    def full(*_: object, is_lasting: bool) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    if has_other_room:
        (tmp_path / "elsewhere").mkdir()
    live = open_live(LiveRequest(str(examples["en"]), language="en", save=tmp_path / "s"), FakeEngine())
    list(live.events())
    (tmp_path / "s" / "transcript.txt").mkdir()
    monkeypatch.setattr(type(live.journal), "is_whole", False)
    monkeypatch.setattr(type(live.journal), "_write", full)
    with pytest.raises(StorageError, match="elsewhere" if has_other_room else "What was written before is kept"):
        live.close()
