"""The way from capture to recogniser: everything arrives in order, or its loss is reported."""

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
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


def test_after_a_skip_there_is_time_before_the_next(recording: Recording) -> None:
    backlog = Backlog(recording, BacklogLimit("skip", max_lag_s=1.0))
    for index in range(40):
        backlog.write(frame(index), may_block=False)
    gaps = [gap for gap in backlog.reports() if isinstance(gap, Gap)]
    assert all(gap.end - gap.start >= 0.5 for gap in gaps)


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


@pytest.mark.parametrize("is_recorded", [True, False])
def test_who_reads_too_slowly_gets_pieces_not_every_other_frame(recording: Recording, *, is_recorded: bool) -> None:
    backlog = Backlog(*((recording, BacklogLimit(max_lag_s=30.0)) if is_recorded else (None, BacklogLimit())))
    starts = []
    for index in range(600):
        backlog.write(frame(index), may_block=False)
        if index % 2 and (found := backlog.read(0)) is not None:
            starts.append(found[0])
    gaps = [report for report in backlog.reports() if isinstance(report, Gap)]
    assert sum(round((gap.end - gap.start) * SAMPLE_RATE) for gap in gaps) == backlog.dropped > 0
    assert all(gap.end - gap.start > 9.0 for gap in gaps)
    assert len([1 for before, after in pairwise(starts) if after - before > FRAME_SAMPLES]) <= len(gaps)
    assert backlog.lag <= 30 * SAMPLE_RATE


def test_a_full_disk_is_no_reason_to_skip_what_it_holds(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_MEMORY_SAMPLES", 3 * FRAME_SAMPLES)
    backlog = Backlog(recording, BacklogLimit(max_lag_s=100 * FRAME_SAMPLES / SAMPLE_RATE))
    for index in range(99):
        backlog.write(frame(index), may_block=False)
    with full_disk(tmp_path / "audio-00000.wav"):
        for index in range(99, 102):
            backlog.write(frame(index), may_block=False)
    assert backlog.lag >= 50 * FRAME_SAMPLES


def test_a_recording_that_was_removed_ends_nothing(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_MEMORY_SAMPLES", 3 * FRAME_SAMPLES)
    backlog = Backlog(recording, BacklogLimit())
    for index in range(20):
        backlog.write(frame(index), may_block=False)
    (tmp_path / "audio-00000.wav").unlink()
    assert backlog.read(0) is None
    starts, pcm = drain(backlog)
    assert starts[0] == 17 * FRAME_SAMPLES
    np.testing.assert_allclose(pcm, np.concatenate([frame(17), frame(18), frame(19)]), atol=1e-4)
    assert backlog.reports() == [Gap(0.0, 17 * FRAME_SAMPLES / SAMPLE_RATE)]


def test_a_limit_below_a_frame_holds_nobody_up_for_ever() -> None:
    backlog = Backlog(None, BacklogLimit(max_lag_s=0.1))
    writer = threading.Thread(target=backlog.write, args=(frame(0),), kwargs={"may_block": True}, daemon=True)
    writer.start()
    writer.join(60)
    assert not writer.is_alive()
