"""What a live session opens, saves and leaves behind, whoever shows its captions."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech3n.engines.base import EngineInfo
from speech3n.errors import AudioError, DeviceError, StorageError, UsageError
from speech3n.journal.journal import SavedSession
from speech3n.tui import live
from speech3n.tui.live import LiveRequest, open_live, request_again, saved_line
from tests.fakes import FakeEngine


def spoken(examples: dict[str, Path], folder: Path, **changes: object) -> live.LiveSession:
    """A session over the English clip that has run to its end and is not closed yet."""
    request = LiveRequest(str(examples["en"]), language="es", save=folder, **changes)  # type: ignore[arg-type]
    session = open_live(request, FakeEngine(), default_pace="max")
    assert list(session.events())
    return session


def test_the_transcript_holds_every_segment_of_the_journal(examples: dict[str, Path], tmp_path: Path) -> None:
    session = spoken(examples, tmp_path / "s", formats="txt,json")
    paths = session.close(clean=True)
    assert [path.name for path in paths] == ["transcript.txt", "transcript.json"]
    kept = SavedSession.load(tmp_path / "s")
    assert kept.ended
    assert paths[0].read_text("utf-8").splitlines() == [segment.text for segment in kept.segments]
    assert saved_line(session, paths).endswith("s (transcript.txt, transcript.json)")


def test_text_that_cannot_be_written_stays_in_the_journal(examples: dict[str, Path], tmp_path: Path) -> None:
    session = spoken(examples, tmp_path / "s", pace="realtime", discard_audio=True)
    (tmp_path / "s" / "transcript.txt").mkdir()
    with pytest.raises(StorageError, match=r"transcript\.txt.*recover"):
        session.close(clean=True)
    assert SavedSession.load(tmp_path / "s").segments
    assert list((tmp_path / "s").glob("audio-*.wav")), "the sound is needed to recover"


def test_a_source_that_cannot_be_opened_leaves_no_folder(tmp_path: Path) -> None:
    request = LiveRequest(str(tmp_path / "missing.wav"), save=tmp_path / "s")
    with pytest.raises(AudioError, match=r"missing\.wav"):
        open_live(request, FakeEngine(), default_pace="max")
    assert not (tmp_path / "s").exists()


def test_a_feed_that_cannot_begin_leaves_no_folder(examples: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DeviceError("No.")

    monkeypatch.setattr(live, "open_feed", broken)
    with pytest.raises(DeviceError):
        open_live(LiveRequest(str(examples["en"]), save=tmp_path / "s"), FakeEngine(), default_pace="max")
    assert not (tmp_path / "s").exists()


def test_a_model_that_cannot_translate_says_so(examples: dict[str, Path], tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.info = EngineInfo("mono", frozenset({"en"}))
    request = LiveRequest(str(examples["en"]), translate=True, save=tmp_path / "s")
    with pytest.raises(UsageError, match="cannot translate"):
        open_live(request, engine, default_pace="max")


def test_another_try_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    request = LiveRequest(save=tmp_path / "talk")
    assert request_again(request).save == tmp_path / "talk"
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk-2").mkdir()
    assert request_again(request).save == tmp_path / "talk-3"
    assert request_again(LiveRequest()).save is None


def test_a_missing_model_ends_it_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown model"):
        live.run(LiveRequest(model="nonesuch", save=tmp_path / "s"))
    assert not (tmp_path / "s").exists()


def test_no_microphone_to_list_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.audio.microphone.list_devices", lambda: [])
    with pytest.raises(DeviceError, match="No microphone"):
        live.run(LiveRequest(list_devices=True))


def test_plain_and_jsonl_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude"):
        live.run(LiveRequest(plain=True, jsonl=True))
