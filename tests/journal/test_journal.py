"""A session's folder: whose it is, who may read it, and what is in it when the program is gone."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.errors import StorageError
from speech3n.journal import journal as journal_module
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.journal.saved import SavedSession
from speech3n.types import End, Event, Gap, Segment, Update, Word
from tests.conftest import full_disk

TALK = SessionHeader("talk.wav", "whisper-base", "es", True, "2026-12-01T10:00:00+00:00", "en")


def words(*texts: str, start: float = 0.0) -> tuple[Word, ...]:
    return tuple(Word(text, start + index, start + index + 0.8, 0.9) for index, text in enumerate(texts))


def segment(number: int, start: float) -> Segment:
    said = words(f"uno{number}", "dos", start=start)
    return Segment(number, start, start + 1.8, f"uno{number} dos", said, "es", f"one{number} two", target_language="en")


def update(number: int, *committed: str, start: float, tentative: tuple[str, ...] = ()) -> Update:
    return Update(words(*committed, start=start), words(*tentative), segment=number, language="es", audio_s=start + 5)


def keep(folder: Path, *events: Event, seconds: float = 0.0) -> Path:
    journal = Journal.create(folder, TALK)
    if seconds:
        journal.recording.append(np.full(round(seconds * 16000), 0.1, np.float32))
    for event in events:
        assert journal.record(event) is None
    journal.close()
    return folder


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "audio-00000.wav"
    own.write_bytes(b"a song")
    with pytest.raises(StorageError, match="is not empty"):
        Journal.create(tmp_path, TALK)
    assert [path.name for path in tmp_path.iterdir()] == [own.name]
    assert own.read_bytes() == b"a song"


def test_an_empty_folder_is_taken_and_left_when_nothing_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Journal.create(tmp_path / "mine", TALK).discard()
    assert (tmp_path / "mine").is_dir()
    Journal.create(tmp_path / "made", TALK).discard()
    assert not (tmp_path / "made").exists()


def test_only_the_owner_may_read_a_session(tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", segment(0, 1.0), seconds=1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_sessions_that_begin_in_the_same_instant_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH3N_SESSIONS_DIR", str(tmp_path))
    begun: list[Journal] = []
    threads = [threading.Thread(target=lambda: begun.append(Journal.create(None, TALK))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({journal.folder for journal in begun}) == 20
    for journal in begun:
        journal.discard()


def test_segments_are_seen_to_the_disk_and_updates_need_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path / "s", TALK)
    synced: list[int] = []
    monkeypatch.setattr(journal_module.os, "fsync", synced.append)
    journal.record(update(0, "uno", start=1.0))
    assert not synced
    journal.record(segment(0, 1.0))
    assert len(synced) == 1
    journal.close()


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", TALK)
    with full_disk(tmp_path / "s" / "events.jsonl", room=100):
        notice = journal.record(segment(0, 1.0))
        assert journal.record(segment(1, 4.0)) is None, "said once"
        assert not journal.is_whole
    assert notice is not None
    assert notice.severity == "error"
    again = journal.record(segment(2, 7.0))
    assert again is not None
    assert again.severity == "information"
    assert journal.is_whole
    journal.close()
    assert [s.id for s in SavedSession.load(tmp_path / "s").segments] == [0, 1, 2]


def test_what_comes_after_the_end_is_written_nowhere(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", TALK)
    journal.close()
    # Descriptors are used again: a file of somebody else's has the number now.
    with (tmp_path / "transcript.txt").open("w"):
        assert journal.record(segment(0, 1.0)) is None
        journal.close()
        journal.discard()
    assert (tmp_path / "transcript.txt").read_bytes() == b""


def test_a_folder_that_is_removed_is_said_once(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", TALK)
    shutil.rmtree(tmp_path / "s")
    notice = journal.record(segment(0, 1.0))
    assert notice is not None
    assert "was removed" in notice.message
    assert journal.record(segment(1, 4.0)) is None
    assert not journal.is_whole
    journal.close()


def test_all_of_a_session_comes_back(tmp_path: Path) -> None:
    events = (segment(0, 1.0), Gap(3.0, 4.0), segment(1, 5.0), End(9.0, 9.0))
    saved = SavedSession.load(keep(tmp_path / "s", *events, seconds=9))
    assert saved.header == TALK
    assert saved.segments == (events[0], events[2])
    assert (saved.gaps, saved.ended, saved.unfinished) == (((3.0, 4.0),), True, None)
    assert (saved.damage, saved.lost_events) == ((), False)


def test_committed_words_of_an_open_utterance_have_their_times(tmp_path: Path) -> None:
    folder = keep(
        tmp_path / "s",
        segment(0, 1.0),
        update(1, start=5.0, tentative=("quizás",)),
        update(1, "hola", start=5.0),
        update(1, "hola", "a", "todos", start=5.0, tentative=("los",)),
    )
    unfinished = SavedSession.load(folder).unfinished
    assert unfinished is not None
    assert unfinished.words == words("hola", "a", "todos", start=5.0)
    assert (unfinished.start, unfinished.end, unfinished.text) == (5.0, 7.8, "hola a todos")


def flip(path: Path, line: int) -> None:
    """Change one bit in the middle of a line of a file."""
    lines = path.read_bytes().split(b"\n")
    middle = len(lines[line]) // 2
    lines[line] = lines[line][:middle] + bytes([lines[line][middle] ^ 1]) + lines[line][middle + 1 :]
    path.write_bytes(b"\n".join(lines))


def test_a_flipped_bit_is_found_and_said(tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", segment(0, 1.0), segment(1, 5.0), End(9.0, 9.0), seconds=9)
    flip(folder / "events.jsonl", 2)
    saved = SavedSession.load(folder)
    assert saved.damage == ("events.jsonl is damaged: line 3 cannot be read.",)
    assert saved.lost_events
    assert [s.id for s in saved.segments] == [0]


def test_words_after_a_lost_line_are_recognised_again_those_before_it_stay(tmp_path: Path) -> None:
    folder = keep(
        tmp_path / "s",
        update(0, "hola", start=1.0),
        update(0, "hola", "a", start=1.0),
        update(0, "hola", "a", "todos", start=1.0),
    )
    flip(folder / "events.jsonl", 2)
    unfinished = SavedSession.load(folder).unfinished
    assert unfinished is not None
    assert unfinished.text == "hola"


def test_committed_characters_of_an_open_utterance_without_spaces_stay(tmp_path: Path) -> None:
    said = Update(words(*"今日は、晴れ", start=1.0), segment=0, language="ja", audio_s=9.0)
    unfinished = SavedSession.load(keep(tmp_path / "s", said)).unfinished
    assert unfinished is not None
    assert unfinished.text == "今日は、晴れ"
    assert unfinished.words == said.committed


def test_a_word_that_only_begins_as_the_lost_one_is_not_taken_for_it(tmp_path: Path) -> None:
    folder = keep(
        tmp_path / "s",
        update(0, "hola", start=1.0),
        update(0, "hola", "amigos", start=1.0),
        update(0, "hola", "amigos", "a", "todos", start=1.0),
    )
    flip(folder / "events.jsonl", 2)
    unfinished = SavedSession.load(folder).unfinished
    assert unfinished is not None
    assert unfinished.text == "hola"


def test_of_two_headers_the_one_with_a_checksum_is_believed(tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", segment(0, 1.0))
    path = folder / "session.json"
    path.write_text(path.read_text().replace('"es"', '"er"'))
    assert SavedSession.load(folder).header == TALK


@pytest.mark.parametrize("name", ["session.json", "events.jsonl"])
@pytest.mark.parametrize("damage", ["missing", "zeroed", "empty", "folder"])
def test_a_file_that_is_gone_costs_no_more_than_what_was_in_it(name: str, damage: str, tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", segment(0, 1.0), segment(1, 5.0), seconds=9)
    path = folder / name
    size = path.stat().st_size
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(b"" if damage == "empty" else bytes(size))
    saved = SavedSession.load(folder)
    assert saved.header == TALK, "each of the two files has it"
    assert saved.recording.samples == 9 * 16000
    if name == "session.json":
        assert [s.id for s in saved.segments] == [0, 1]
        assert not saved.lost_events
    else:
        assert saved.lost_events
    assert name in saved.damage[0]


def test_sound_that_is_gone_is_said(tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", segment(0, 1.0), seconds=601)
    (folder / "audio-00000.wav").unlink()
    assert SavedSession.load(folder).damage == ("An audio file is missing: there is no sound from 0 to 600 s.",)


def test_a_line_that_is_gone_altogether_is_missed_where_its_words_were_committed(tmp_path: Path) -> None:
    events = (
        update(0, "uno0", start=1.0),
        segment(0, 1.0),
        update(1, "uno1", start=5.0),
        segment(1, 5.0),
        End(9.0, 9.0),
    )
    folder = keep(tmp_path / "s", *events, seconds=9)
    path = folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    saved = SavedSession.load(folder)
    assert saved.lost_events
    assert saved.damage == ("events.jsonl is damaged: 1 segment is missing.",)


def test_sound_that_events_tell_of_and_is_not_there_is_said(tmp_path: Path) -> None:
    folder = keep(tmp_path / "s", update(0, "uno", start=5.0), seconds=9)
    (folder / "audio-00000.wav").unlink()
    (damage,) = SavedSession.load(folder).damage
    assert damage == "Sound is missing: there was some until 10 s, and there is until 0 s."


def test_a_session_of_an_older_version_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "session.json").write_text('{"source": "mic", "model": "whisper-base"}')
    lines = [
        {"type": "segment", "id": 0, "start": 1.0, "end": 2.0, "text": "Hola.", "words": []},
        {"type": "update", "segment": 1, "committed": "a todos", "tentative": "", "audio_s": 4.0, "elapsed_s": 4.0},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    saved = SavedSession.load(folder)
    assert saved.damage == ("Sound is missing: there was some until 4 s, and there is until 0 s.",)
    assert [s.text for s in saved.segments] == ["Hola."]
    assert saved.unfinished is not None
    assert (saved.unfinished.text, saved.unfinished.words) == ("a todos", ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
LINES = st.one_of(
    st.binary(max_size=60),
    st.just(b"[" * 100_000),
    st.builds(
        lambda kind, fields: json.dumps({"type": kind, **fields}).encode(),
        st.sampled_from(["segment", "update", "gap", "end", "session", "size", "notice", "other"]),
        st.dictionaries(
            st.sampled_from(
                ["id", "segment", "start", "end", "text", "words", "committed", "audio_s", "source", "model"]
            ),
            JSON,
        ),
    ),
)


@settings(max_examples=200)
@given(header=st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()), lines=st.lists(LINES))
def test_no_folder_ends_in_anything_but_a_session_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "session.json").write_bytes(header)
    (folder / "events.jsonl").write_bytes(b"\n".join(lines))
    try:
        saved = SavedSession.load(folder)
    except StorageError:
        return
    assert all(s.start >= 0 and s.end <= 1e8 for s in saved.segments)
