"""Audio in time: paused, captured by a thread, lost and found again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speech3n.errors import AudioError, DeviceError
from speech3n.journal.recording import Recording
from speech3n.session import feed as feed_module
from speech3n.session.backlog import BacklogLimit
from speech3n.session.feed import CapturedFeed, Feed, PulledFeed, open_feed
from speech3n.types import SAMPLE_RATE, Notice, Waveform
from tests.conftest import full_disk
from tests.fakes import FakeSource, frames


def pcm(seconds: float) -> Waveform:
    return np.sin(np.arange(round(seconds * SAMPLE_RATE)) / 50).astype(np.float32)


def read_all(feed: Feed) -> Waveform:
    parts = []
    while not feed.ended:
        if (block := feed.read()) is not None:
            assert block.start == sum(map(len, parts))
            parts.append(block.pcm)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class Microphone(FakeSource):
    """Plays its takes one after the other; between them the device is gone."""

    def __init__(self, *takes: Waveform | Exception) -> None:
        super().__init__(np.zeros(0, np.float32), is_live=True)
        self._takes = list(takes)
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        if self._takes:
            take = self._takes.pop(0)
            if isinstance(take, Exception):
                raise take
            yield from frames(take)
            if self._takes:
                raise DeviceError("The microphone was unplugged.", "Plug it in.")
        self._closed.wait()

    def close(self) -> None:
        self._closed.set()


def test_every_pace_gives_the_same_audio(tmp_path: Path) -> None:
    audio = pcm(0.7)
    for feed in (
        open_feed(FakeSource(audio), pace="max"),
        open_feed(FakeSource(audio), pace="simulated"),
        open_feed(FakeSource(audio), pace="realtime"),
    ):
        np.testing.assert_array_equal(read_all(feed), audio)
        assert feed.captured_s == pytest.approx(0.7)


@pytest.mark.parametrize("pace", ["max", "simulated", "realtime"])
def test_what_is_heard_is_recorded_at_every_pace(pace: feed_module.Pace, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    read_all(open_feed(FakeSource(pcm(0.5)), pace=pace, recording=recording))
    recording.close()
    np.testing.assert_allclose(recording.read(0, SAMPLE_RATE), pcm(0.5), atol=1e-4)


def test_a_full_disk_does_not_hold_up_a_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.append(pcm(0.16))
    with full_disk(tmp_path / "audio-00000.wav"):
        feed = open_feed(FakeSource(pcm(1.0)), recording=recording)
        assert len(read_all(feed)) == SAMPLE_RATE
    (notice,) = feed.reports()
    assert isinstance(notice, Notice)
    assert "stopped" in notice.message


def test_a_source_that_breaks_off_loses_no_frame_before_it(tmp_path: Path) -> None:
    audio = pcm(0.5)
    recording = Recording(tmp_path)
    feed = open_feed(FakeSource(audio, error=AudioError("broken")), recording=recording)
    received = 0
    with pytest.raises(AudioError, match="broken"):
        while True:
            block = feed.read()
            received += len(block.pcm) if block is not None else 0
    assert received == recording.samples == len(audio)


def test_simulated_time_passes_as_real_time_would() -> None:
    feed = PulledFeed(FakeSource(pcm(60)), is_paced=True)
    while (block := feed.read()) is not None:
        spoken_s = (block.start + len(block.pcm)) / SAMPLE_RATE
        assert feed.elapsed_s() >= spoken_s
        assert feed.elapsed_s() - spoken_s < 1.0
    assert feed.ended


def test_a_pipe_is_captured_so_that_its_writer_is_not_held_up() -> None:
    source = FakeSource(pcm(1.0))
    source.duration_s = None
    feed = open_feed(source, pace="max")
    assert isinstance(feed, CapturedFeed)
    np.testing.assert_array_equal(read_all(feed), pcm(1.0))


def test_a_file_that_is_paused_waits() -> None:
    feed = PulledFeed(FakeSource(pcm(1.0)), is_paced=False)
    feed.pause(True)
    assert feed.paused
    assert feed.read(timeout_s=0.01) is None
    assert not feed.ended
    feed.pause(False)
    assert len(read_all(feed)) == SAMPLE_RATE


def test_stopping_ends_a_feed() -> None:
    feed = PulledFeed(FakeSource(pcm(60)), is_paced=False)
    feed.read()
    feed.stop()
    assert len(read_all(feed)) == 0


def test_a_microphone_that_never_worked_is_an_error() -> None:
    feed = open_feed(Microphone(DeviceError("There is no microphone.")))
    with pytest.raises(DeviceError, match="no microphone"):
        read_all(feed)


def test_a_microphone_that_complains_of_being_closed_is_not_lost() -> None:
    class Complaining(Microphone):
        def frames(self) -> Iterator[Waveform]:
            yield from frames(pcm(0.2))
            self._closed.wait()
            raise DeviceError("The microphone is gone.")

    feed = open_feed(Complaining())
    parts: list[Waveform] = []
    while sum(map(len, parts)) < 0.2 * SAMPLE_RATE:
        if (block := feed.read()) is not None:
            parts.append(block.pcm)
    feed.stop()
    feed._thread.join()  # type: ignore[attr-defined]
    assert feed.read(0) is None
    assert feed.ended
    assert not feed.reports()


def test_a_microphone_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_RECONNECT_S", 0.001)
    first, second = pcm(0.8), pcm(0.5)
    feed = open_feed(Microphone(first, DeviceError("still gone"), second))
    parts: list[Waveform] = []
    notices: list[str] = []
    while sum(map(len, parts)) < len(first) + len(second):
        if (block := feed.read()) is not None:
            parts.append(block.pcm)
        notices += [report.message for report in feed.reports() if isinstance(report, Notice)]
    feed.stop()
    np.testing.assert_array_equal(np.concatenate(parts), np.concatenate([first, second]))
    assert notices == ["The microphone was unplugged.", "The microphone is back."]


def test_sound_that_the_device_lost_is_told() -> None:
    source = FakeSource(pcm(0.8), is_live=True)
    source.overflow_s = 0.2  # type: ignore[attr-defined]
    feed = open_feed(source)
    read_all(feed)
    (notice,) = feed.reports()
    assert isinstance(notice, Notice)
    assert "lost at least 0.2 s" in notice.message


def test_stopping_a_microphone_keeps_what_was_captured(tmp_path: Path) -> None:
    audio = pcm(1.6)
    recording = Recording(tmp_path)
    feed = open_feed(Microphone(audio), recording=recording, limit=BacklogLimit())
    captured = 0
    while captured < len(audio):
        block = feed.read()
        captured += len(block.pcm) if block is not None else 0
    feed.stop()
    assert len(read_all(feed)) == 0
    recording.close()
    np.testing.assert_allclose(recording.read(0, len(audio)), audio, atol=1e-4)


def test_an_unexpected_failure_of_capture_is_not_silent() -> None:
    feed = open_feed(FakeSource(pcm(0.2), is_live=True, error=ZeroDivisionError("bug")))
    with pytest.raises(ZeroDivisionError):
        read_all(feed)
