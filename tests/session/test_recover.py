"""After kill -9 the transcript holds all that was said up to at most a second before."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from speech3n.cli import main as cli
from speech3n.engines.base import ModelRef, StreamOptions
from speech3n.errors import EngineError, StorageError, UsageError
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.journal.recording import Recording
from speech3n.journal.saved import SavedSession
from speech3n.session.recovery import RecoverRequest, missing_stretches, recover_session, recover_transcript
from speech3n.types import SAMPLE_RATE, End, Gap, Segment, Update, Waveform, Word
from tests.conftest import silence
from tests.fakes import FakeEngine, FakeStream, frames

_LIVE = (
    "import sys; from tests.fakes import FakeEngine; from speech3n.session import live\n"
    "live.open_engine = lambda model: FakeEngine()\n"
    "from speech3n.cli.main import main\n"
    "main(['live', sys.argv[2], '--jsonl', '--pace', 'realtime', '--language', 'es', '--save', sys.argv[1]])\n"
)


TALK = SessionHeader("talk.wav", "whisper-base", "es")


def session(folder: Path, pcm: Waveform, *events: object, header: SessionHeader = TALK) -> SavedSession:
    journal = Journal.create(folder, header)
    for frame in frames(pcm):
        journal.recording.append(frame)
    for event in events:
        journal.record(event)  # type: ignore[arg-type]
    journal.close()
    return SavedSession.load(folder)


def segment(number: int, start: float, end: float) -> Segment:
    return Segment(number, start, end, f"said {number}", (Word("said", start, end, 0.9),), "es")


@pytest.mark.parametrize("seconds", [2.2, 5.1])
def test_kill_dash_nine(seconds: float, examples: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-c", _LIVE, str(tmp_path / "s"), str(examples["en"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    heard_s = 0.0
    while heard_s < seconds:
        heard_s = json.loads(process.stdout.readline()).get("audio_s", heard_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    saved = SavedSession.load(tmp_path / "s")
    assert not saved.ended
    recorded_s = saved.recording.samples / SAMPLE_RATE
    assert recorded_s >= heard_s - 0.01
    transcript = recover_transcript(saved, FakeEngine())
    # The fake engine finds a word every 0.4 s wherever there is speech, and there is speech up to here.
    assert transcript.segments[-1].end > recorded_s - 1.0 - 0.6
    assert [s.id for s in transcript.segments] == list(range(len(transcript.segments)))


def test_only_what_is_missing_is_recognised_again(english: Waveform, tmp_path: Path) -> None:
    engine = FakeEngine()
    saved = session(tmp_path / "s", np.concatenate([english, english]), segment(0, 0.3, 11.0))
    assert missing_stretches(saved) == [(11.0, pytest.approx(22.0, abs=0.2))]
    transcript = recover_transcript(saved, engine)
    assert transcript.segments[0].text == "said 0"
    assert transcript.segments[1].start >= 11.0
    assert sum(len(pcm) for pcm in engine.accepted) < 12 * SAMPLE_RATE


def test_skipped_audio_is_recognised_in_its_place(english: Waveform, tmp_path: Path) -> None:
    saved = session(
        tmp_path / "s",
        np.concatenate([silence(5), english, silence(4)]),
        segment(0, 1.0, 4.0),
        Gap(5.0, 16.0),
        segment(1, 17.0, 19.0),
    )
    transcript = recover_transcript(saved, FakeEngine())
    texts = [s.text.split()[0] for s in transcript.segments]
    assert texts[0] == texts[-1] == "said"
    assert "w0" in texts[1:-1]
    starts = [s.start for s in transcript.segments]
    assert starts == sorted(starts)


def test_committed_words_survive_without_sound(tmp_path: Path) -> None:
    update = Update((Word("sin", 6.0, 6.2, 0.9), Word("sonido", 6.2, 6.9, 0.9)), segment=1, language="es", audio_s=7.0)
    saved = session(tmp_path / "s", silence(0), segment(0, 1.0, 4.0), update)
    transcript = recover_transcript(saved, FakeEngine())
    assert [s.text for s in transcript.segments] == ["said 0", "sin sonido"]


def test_committed_words_stay_and_only_what_follows_them_is_recognised(english: Waveform, tmp_path: Path) -> None:
    engine = FakeEngine()
    said = (Word("Y", 0.4, 0.7, 0.9), Word("así,", 0.7, 2.0, 0.9))
    update = Update(said, (Word("mis", 2.0, 2.3, 0.4),), segment=0, language="es", audio_s=2.4)
    saved = session(tmp_path / "s", english, update)
    transcript = recover_transcript(saved, engine)
    assert transcript.segments[0].words == said
    assert min(segment.start for segment in transcript.segments[1:]) >= 2.0
    assert sum(map(len, engine.accepted)) <= len(english) - 1.9 * SAMPLE_RATE


def test_a_kill_between_a_gap_and_the_end_of_its_utterance_loses_no_committed_word(
    english: Waveform, tmp_path: Path
) -> None:
    said = (Word("Antes", 1.0, 1.5, 0.9), Word("del", 1.5, 1.7, 0.9), Word("salto", 1.7, 2.2, 0.9))
    update = Update(said, segment=0, language="es", audio_s=2.4)
    saved = session(tmp_path / "s", np.concatenate([english, english]), update, Gap(3.0, 14.0))
    transcript = recover_transcript(saved, FakeEngine())
    assert transcript.segments[0].words == said
    assert len(transcript.segments) > 1


def test_a_gap_that_is_written_frame_by_frame_is_recognised(english: Waveform, tmp_path: Path) -> None:
    gaps = [Gap(start / 25, (start + 4) / 25) for start in range(25, 25 * 10, 4)]
    saved = session(tmp_path / "s", english, segment(0, 0.3, 0.9), *gaps, segment(1, 10.2, 10.9), End(11.0, 11.0))
    assert missing_stretches(saved) == [(1.0, pytest.approx(10.12, abs=0.2))]
    assert len(recover_transcript(saved, FakeEngine()).segments) > 2


def test_where_lines_are_lost_their_sound_is_recognised_again(english: Waveform, tmp_path: Path) -> None:
    pcm = np.concatenate([english, english, english])
    saved = session(tmp_path / "s", pcm, segment(0, 0.3, 11.0), segment(1, 11.3, 21.9), segment(2, 22.2, 32.9))
    path = tmp_path / "s" / "events.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], lines[2].replace(b"said 1", b"said X"), *lines[3:]]))
    saved = SavedSession.load(tmp_path / "s")
    assert saved.damage
    assert (11.0, 22.2) in missing_stretches(saved)
    texts = [s.text for s in recover_transcript(saved, FakeEngine()).segments]
    assert texts[0] == "said 0"
    assert "w0" in texts[1]
    assert "said 2" in texts


def test_a_language_that_is_none_is_detected(english: Waveform, tmp_path: Path) -> None:
    header = SessionHeader("talk.wav", "whisper-base", "zz-gibberish")
    saved = session(tmp_path / "s", english, segment(0, 0.3, 4.0), header=header)
    engine = FakeEngine()
    assert recover_transcript(saved, engine).segments[0].text == "said 0"
    assert {options.language for options in engine.opened} == {None}


def test_a_language_that_the_engine_lacks_is_said(english: Waveform, tmp_path: Path) -> None:
    saved = session(tmp_path / "s", english, header=SessionHeader("talk.wav", "whisper-base", "ja"))
    with pytest.raises(UsageError, match="Unknown language 'ja'"):
        recover_transcript(saved, FakeEngine())


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    session(tmp_path / "s", silence(1), segment(0, 0.1, 0.9))
    with (tmp_path / "s" / "events.jsonl").open("ab") as file:
        file.write(b'{"type": "segment", "id": 1, "sta')
    assert len(SavedSession.load(tmp_path / "s").segments) == 1


def test_what_is_no_session_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StorageError, match="not a session folder"):
        SavedSession.load(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "nowhere")])
    assert exit_.value.code == 1
    assert "not a session folder" in capsys.readouterr().err


def test_the_command_writes_transcripts(
    english: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speech3n.session.recovery.open_engine", lambda model: FakeEngine())
    session(tmp_path / "s", english, segment(0, 0.3, 4.0))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "s"), "--format", "txt,srt", "--output-dir", str(tmp_path / "out")])
    assert exit_.value.code == 0
    written = capsys.readouterr().out.split()
    assert written == [str(tmp_path / "out" / "transcript.txt"), str(tmp_path / "out" / "transcript.srt")]
    assert (tmp_path / "out" / "transcript.txt").read_text().splitlines()[0] == "said 0"


def test_the_command_recognises_at_the_size_asked_for(
    english: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[str, str | None]] = []

    def open_engine(model: ModelRef) -> FakeEngine:
        opened.append((model.name, model.size))
        return FakeEngine()

    monkeypatch.setattr("speech3n.session.recovery.open_engine", open_engine)
    session(tmp_path / "s", english)
    command = ["recover", str(tmp_path / "s"), "--size", "e2b"]
    with pytest.raises(SystemExit) as exit_:
        cli.main([*command, "--model", "gemma-3n-e4b"])
    assert exit_.value.code == 0
    assert opened == [("gemma-3n-e4b", "e2b")]
    with pytest.raises(SystemExit) as exit_:
        cli.main(command)
    assert exit_.value.code == 2
    assert "whisper-base has one size only" in capsys.readouterr().err


def test_a_missing_model_still_gives_what_was_recognised(
    english: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    session(tmp_path / "s", english, segment(0, 0.3, 4.0))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "s")])
    assert exit_.value.code == 1
    assert "models pull" in capsys.readouterr().err
    assert (tmp_path / "s" / "transcript.txt").read_text() == "said 0\n"


def test_a_model_folder_that_is_gone_still_gives_what_was_recognised(
    english: Waveform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = SessionHeader("talk.wav", str(tmp_path / "model"), "es")
    session(tmp_path / "s", english, segment(0, 0.3, 4.0), header=header)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "s")])
    assert exit_.value.code == 1
    assert "There is no folder" in capsys.readouterr().err
    assert (tmp_path / "s" / "transcript.txt").read_text() == "said 0\n"


class FailingEngine(FakeEngine):
    """Fails at the second utterance."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def open_stream(self, options: StreamOptions) -> FakeStream:
        if self.opened:
            raise self.error
        return super().open_stream(options)


def test_an_engine_that_fails_still_gives_what_was_recognised(
    english: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speech3n.session.recovery.open_engine", lambda model: FailingEngine(EngineError("It broke.")))
    session(tmp_path / "s", np.concatenate([english, silence(5), english]), segment(0, 0.3, 0.9))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "s")])
    assert exit_.value.code == 1
    assert "It broke. Only what was recognised before" in capsys.readouterr().err
    lines = (tmp_path / "s" / "transcript.txt").read_text().splitlines()
    assert lines[0] == "said 0"
    assert lines[1].startswith("w0")


def test_recovery_that_is_interrupted_says_so(
    english: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speech3n.session.recovery.open_engine", lambda model: FailingEngine(KeyboardInterrupt()))
    session(tmp_path / "s", np.concatenate([english, silence(5), english]))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["recover", str(tmp_path / "s")])
    assert exit_.value.code == 130
    assert "Internal error" not in capsys.readouterr().err


def test_a_transcript_that_a_person_corrected_is_put_aside(english: Waveform, tmp_path: Path) -> None:
    session(tmp_path / "s", english, segment(0, 0.3, 4.0), End(11.0, 11.0))
    notes: list[str] = []
    (first,) = recover_session(RecoverRequest(tmp_path / "s", formats="txt"), notes.append).paths
    recover_session(RecoverRequest(tmp_path / "s", formats="txt"), notes.append)
    assert [path.name for path in first.parent.glob("*.txt")] == ["transcript.txt"], "the same is written once"
    first.write_text("said nought\n")
    recover_session(RecoverRequest(tmp_path / "s", formats="txt"), notes.append)
    assert first.read_text() == "said 0\n"
    assert first.with_name("transcript.1.txt").read_text() == "said nought\n"
    assert notes == [f"{first}: what was there is kept as 'transcript.1.txt'."]
    assert first.stat().st_mode & 0o777 == 0o600


def test_a_session_that_ended_is_not_recognised_again(english: Waveform, tmp_path: Path) -> None:
    saved = session(tmp_path / "s", english, segment(0, 0.3, 4.0), End(11.0, 11.0))
    assert not missing_stretches(saved)
    with closing(Recording(tmp_path / "s")) as recording:
        assert recording.samples == len(english)
