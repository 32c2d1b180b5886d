from pathlib import Path

import numpy as np

from speech3n.eval.bench.captions.live import SessionRun, session_summary
from speech3n.eval.bench.captions.session_process import LoopedSource
from speech3n.eval.bench.processes import ProcessCost
from speech3n.eval.measures.false_text import words_shown
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.joined import JoinedClip, JoinedRecording
from speech3n.types import SAMPLE_RATE, End, Segment, Status, Update, Word


def words(*ends: float) -> tuple[Word, ...]:
    return tuple(Word(f"w{index}", end - 0.5, end, 1.0) for index, end in enumerate(ends))


def test_a_session_in_numbers() -> None:
    clip = Clip(Path("a.flac"), "es", "w0 w1 w2", 2.0)
    recording = JoinedRecording(np.zeros(4 * SAMPLE_RATE, np.float32), (JoinedClip(clip, 0.0, 2.0, 1.75),))
    events = [
        Update((), words(1.0), audio_s=1.25, elapsed_s=1.5),
        Status(2.0, 0.25, 2.0, 0.1, -20.0, True),
        Update(words(1.0, 2.0), (), audio_s=2.0, elapsed_s=2.5),
        Status(3.0, 0.75, 3.0, 0.2, -20.0, False),
        Segment(0, 0.5, 2.0, "w0 w1", words(1.0, 2.0), "es"),
        End(4.0, 4.0),
    ]
    run = SessionRun(events, ProcessCost(3.0, 2.0, 300.0), 0.5, 1.0, 0.5, [])
    summary = session_summary(run, recording)
    assert summary["commit_delay_s"].maximum == 1.5
    assert summary["shown_delay_s"].maximum == 0.5
    assert summary["clip_end_delay_s"].median == 0.75
    assert (summary["rtf"], summary["cpu_rtf"], summary["own_rtf"]) == (0.25, 0.125, 0.2)
    assert summary["max_lag_s"] == 0.75


def test_tentative_words_that_vanish_are_still_words_shown() -> None:
    events = [
        Update((), words(1.0, 2.0), segment=0),
        Update((), (), segment=0),
        Update(words(1.0), (), segment=1),
        Segment(1, 0.0, 1.0, "w0", words(1.0)),
    ]
    assert words_shown(events) == 3


def test_a_looped_source_goes_on_to_the_sample(tmp_path: Path) -> None:
    pcm = np.linspace(-0.5, 0.5, SAMPLE_RATE // 2, dtype=np.float32)
    write_wav(tmp_path / "a.wav", pcm)
    looped = np.concatenate(list(LoopedSource(tmp_path / "a.wav", 1.3).frames()))
    np.testing.assert_allclose(looped, np.concatenate([pcm, pcm, pcm])[: round(1.3 * SAMPLE_RATE)], atol=1e-4)
