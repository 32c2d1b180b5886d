"""The way from capture to recogniser: everything arrives in order, or its loss is reported."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from speech3n.journal.recording import Recording
from speech3n.session import backlog as backlog_module
from speech3n.session.backlog import Backlog, BacklogLimit
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Gap, Notice, Waveform
from tests.conftest import full_disk


def frame(index: int) -> Waveform:
    return np.full(FRAME_SAMPLES, index / 1000, np.float32)


def drain(backlog: Backlog) -> tuple[list[int], Waveform]:
    starts, parts = [], []
    while (found := backlog.read(0)) is not None:
        starts.append(found[0])
        parts.append(found[1])
    return starts, np.concatenate(parts)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    with closing(Recording(tmp_path)) as recording:
        yield recording


def test_a_backlog_longer_than_memory_comes_back_from_disk(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_MEMORY_SAMPLES", 3 * FRAME_SAMPLES)
    backlog = Backlog(recording, BacklogLimit())
    for index in range(20):
        backlog.write(frame(index), may_block=False)
    starts, pcm = drain(backlog)
    np.testing.assert_allclose(pcm, np.concatenate([frame(i) for i in range(20)]), atol=1e-4)
    assert starts == sorted(starts)
    assert backlog.dropped == 0
    assert not backlog.reports()


def test_without_a_disk_the_oldest_audio_goes_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "_MEMORY_SAMPLES", 3 * FRAME_SAMPLES)
    backlog = Backlog(None, BacklogLimit())
    for index in range(10):
        backlog.write(frame(index), may_block=False)
    starts, pcm = drain(backlog)
    assert starts[0] == backlog.dropped > 0
    reported = sum(gap.end - gap.start for gap in backlog.reports() if isinstance(gap, Gap))
    assert round(reported * SAMPLE_RATE) == backlog.dropped
    assert len(pcm) + backlog.dropped == 10 * FRAME_SAMPLES


def test_skip_jumps_to_the_newest_audio(recording: Recording) -> None:
    backlog = Backlog(recording, BacklogLimit("skip", max_lag_s=5.0))
    for index in range(40):
        backlog.write(frame(index), may_block=False)
    assert backlog.lag <= 5 * SAMPLE_RATE
    (gap, *_) = backlog.reports()
    assert isinstance(gap, Gap)
    assert gap.start == 0.0
    assert recording.samples == 40 * FRAME_SAMPLES


def test_a_full_backlog_holds_up_a_file(recording: Recording) -> None:
    backlog = Backlog(recording, BacklogLimit("wait", max_lag_s=1.0))

    def write_all() -> None:
        for index in range(50):
            backlog.write(frame(index), may_block=True)
        backlog.close()

    writer = threading.Thread(target=write_all)
    writer.start()
    received, worst = 0, 0
    while not (backlog.closed and backlog.lag == 0):
        worst = max(worst, backlog.lag)
        if (found := backlog.read(1.0)) is not None:
            received += len(found[1])
    writer.join()
    assert received == 50 * FRAME_SAMPLES
    assert worst <= SAMPLE_RATE + FRAME_SAMPLES


def test_a_full_disk_is_reported_once_and_recognition_goes_on(tmp_path: Path, recording: Recording) -> None:
    backlog = Backlog(recording, BacklogLimit())
    backlog.write(frame(0), may_block=False)
    with full_disk(tmp_path / "audio-00000.wav"):
        for index in range(1, 5):
            backlog.write(frame(index), may_block=False)
    (notice,) = backlog.reports()
    assert isinstance(notice, Notice)
    assert "stopped" in notice.message
    assert len(drain(backlog)[1]) == 5 * FRAME_SAMPLES


def test_what_was_recorded_before_the_disk_was_full_is_still_recognised(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_MEMORY_SAMPLES", 3 * FRAME_SAMPLES)
    backlog = Backlog(recording, BacklogLimit())
    for index in range(20):
        backlog.write(frame(index), may_block=False)
    with full_disk(tmp_path / "audio-00000.wav"):
        for index in range(20, 30):
            backlog.write(frame(index), may_block=False)
    starts, pcm = drain(backlog)
    # The disk has the first twenty frames, memory the last three; only what is between is lost, and said.
    expected = np.concatenate([frame(index) for index in (*range(20), 27, 28, 29)])
    np.testing.assert_allclose(pcm, expected, atol=1e-4)
    assert starts == sorted(starts)
    gaps = [report for report in backlog.reports() if isinstance(report, Gap)]
    assert gaps == [Gap(20 * FRAME_SAMPLES / SAMPLE_RATE, 27 * FRAME_SAMPLES / SAMPLE_RATE)]


def test_a_file_waits_while_the_disk_is_full(tmp_path: Path, recording: Recording) -> None:
    backlog = Backlog(recording, BacklogLimit())
    backlog.write(frame(0), may_block=True)
    with full_disk(tmp_path / "audio-00000.wav"):
        backlog.write(frame(1), may_block=True)

        def write_all() -> None:
            for index in range(2, 400):
                backlog.write(frame(index), may_block=True)
            backlog.close()

        writer = threading.Thread(target=write_all)
        writer.start()
        received = 0
        while not (backlog.closed and backlog.lag == 0):
            if (found := backlog.read(1.0)) is not None:
                received += len(found[1])
        writer.join()
    assert received == 400 * FRAME_SAMPLES
