"""Session folders: what a damaged or hostile one gives, recovered with a recogniser that needs no weights."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.formats.writers import FORMATS, write_transcript
from speech3n.journal.journal import EVENTS_FILE, SESSION_FILE, Journal, SessionHeader
from speech3n.journal.saved import SavedSession
from speech3n.journal.sealed_lines import seal, unseal
from speech3n.session.recovery import recover_transcript
from speech3n.types import SAMPLE_RATE, Gap, Notice, Segment, Update, Word
from tests.fakes import FakeEngine, frames
from tests.fuzz.damage import SPOILED, as_json, changed, damaged, maybe_damaged, spoil
from tests.fuzz.outcome import outcome, tries

SOUND = "audio-00000.wav"
WORDS = (Word("Por", 0.2, 0.4, 0.9), Word("favor,", 0.4, 0.8, 0.8), Word("marque", 0.8, 1.2, 0.7))
EVENTS = (
    Update(WORDS[:1], WORDS[1:2], ("Please",), (), segment=0, language="es", audio_s=0.5, elapsed_s=0.6),
    Notice("Loud.", "Lower it.", "warning"),
    Segment(0, 0.2, 1.2, "Por favor, marque", WORDS, "es", "Please dial", target_language="en"),
    Gap(1.3, 1.6),
    Update(WORDS[2:], (), ("Dial",), (), segment=1, language="es", audio_s=1.9, elapsed_s=2.0),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session that was killed."""
    folder = tmp_path_factory.mktemp("fuzz") / "session"
    journal = Journal.create(folder, SessionHeader("mic", "whisper-base", "es", True))
    noise = np.random.default_rng(7).normal(0, 0.05, 2 * SAMPLE_RATE).astype(np.float32)
    for frame in frames(noise):
        journal.recording.append(frame)
    for event in EVENTS:
        journal.record(event)
    journal.close()
    return folder


RECORDS = st.deferred(lambda: st.sampled_from(_records()))


@cache
def _records() -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "s", SessionHeader("mic", "whisper-base", "es", True))
        for event in EVENTS:
            journal.record(event)
        journal.close()
        lines = (Path(folder) / "s" / EVENTS_FILE).read_bytes().splitlines()
    return [json.loads(line) for line in unseal(lines) if line is not None]


@st.composite
def event_files(draw: st.DrawFn) -> bytes:
    """Lines as a journal has them, some changed and sealed as they are then, or not sealed."""
    is_sealed = draw(st.integers(0, 3)) > 0
    lines = []
    for record in draw(st.lists(RECORDS, max_size=8)):
        if draw(st.booleans()):
            record = draw(changed(record))
        if is_sealed and isinstance(record, dict) and record:
            lines.append(seal(record))
        else:
            lines.append(as_json(record) + b"\n")
    return draw(maybe_damaged(b"".join(lines)))


@st.composite
def folders(draw: st.DrawFn) -> Callable[[Path], None]:
    """What is done to a session's folder."""
    events = draw(st.none() | event_files())
    header = draw(st.none() | st.deferred(lambda: changed(_records()[0])).map(as_json))
    seed = draw(st.none() | st.integers(0, 2**32))
    spoiled = draw(st.lists(st.sampled_from([SESSION_FILE, EVENTS_FILE, SOUND]), max_size=1))
    how = draw(st.sampled_from(SPOILED))
    another = draw(st.sampled_from(["", "", "", "audio-00003.wav", "audio-99999.wav", "audio-x.wav"]))

    def spoil_all(folder: Path) -> None:
        if events is not None:
            (folder / EVENTS_FILE).write_bytes(events)
        if header is not None:
            (folder / SESSION_FILE).write_bytes(header)
        if seed is not None:
            sound = folder / SOUND
            sound.write_bytes(damaged(sound.read_bytes(), random.Random(seed)))
        if another:
            shutil.copyfile(folder / SOUND, folder / another)
        for name in spoiled:
            spoil(folder / name, how)

    return spoil_all


def use(folder: Path) -> None:
    """Read a session, recognise what is missing, and write it in all formats."""
    session = SavedSession.load(folder)
    transcript = recover_transcript(session, FakeEngine())
    write_transcript(transcript, FORMATS, folder / "transcript")
    SavedSession.load(folder)


@tries(0.15)
@given(folders())
def test_sessions(whole: Path, spoil_all: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "session"
        shutil.copytree(whole, folder)
        spoil_all(folder)
        outcome(lambda: use(folder))
