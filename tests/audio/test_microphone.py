"""The microphone, with a PortAudio that plays recorded speech, fails half-way and comes back."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soxr

from speech3n.audio import microphone
from speech3n.audio.microphone import InputDevice, Microphone, list_devices
from speech3n.audio.source import AudioSource, FileSource
from speech3n.errors import DeviceError
from speech3n.types import FRAME_SAMPLES, Waveform
from tests.conftest import EXAMPLES

SPEECH = EXAMPLES / "en-jfk.flac"


class PortAudioError(Exception):
    pass


@dataclass
class FakeDevice:
    """A microphone that plays `sound` [T, C], then does `at_end`: fall silent, fail, or be read on."""

    name: str
    sound: Waveform = field(default_factory=lambda: np.zeros((4_800, 1), np.float32))
    rate: int = 48_000
    channels: int = 1
    at_end: str = "silence"
    accepts: Callable[[int, int], bool] = lambda rate, channels: True
    overflows: tuple[int, ...] = ()


class FakeSounddevice:
    """What of sounddevice the microphone uses; `plugged` is seen after the next `_initialize` only."""

    PortAudioError = PortAudioError

    def __init__(self, *plugged: FakeDevice) -> None:
        self.plugged: list[FakeDevice | None] = list(plugged)
        self.seen: list[FakeDevice | None] = []
        self.default = 0
        self.calls: list[str] = []
        self.streams: list[FakeStream] = []
        self.fails_to_start = False

    def _initialize(self) -> None:
        self.calls.append("initialize")
        if self.fails_to_start:
            raise PortAudioError("Host error")
        self.seen = list(self.plugged)

    def _terminate(self) -> None:
        self.calls.append("terminate")
        if self.fails_to_start:
            raise PortAudioError("PortAudio not initialized")

    def query_devices(self, kind: str | None = None) -> Any:
        rows = [
            {
                "index": index,
                "name": device.name if device else "Speakers",
                "max_input_channels": device.channels if device else 0,
                "default_samplerate": float(device.rate if device else 44_100),
            }
            for index, device in enumerate(self.seen)
        ]
        if kind is None:
            return rows
        if self.default >= len(rows) or not rows[self.default]["max_input_channels"]:
            raise PortAudioError("Error querying device -1")
        return rows[self.default]

    def RawInputStream(self, **options: Any) -> FakeStream:
        device = self.seen[options["device"]]
        assert device is not None
        if not device.accepts(options["samplerate"], options["channels"]):
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        stream = FakeStream(device, options)
        self.streams.append(stream)
        return stream


class FakeStream:
    def __init__(self, device: FakeDevice, options: dict[str, Any]) -> None:
        self.device, self.options = device, options
        self.samplerate, self.channels = float(options["samplerate"]), options["channels"]
        self.is_closed = False

    def start(self) -> None:
        # From a thread, as PortAudio does; to its end, so that no test depends on how threads are scheduled.
        thread = threading.Thread(target=self._play)
        thread.start()
        thread.join()

    def _play(self) -> None:
        size, sound = self.options["blocksize"], self.device.sound[:, : self.channels]
        for number, start in enumerate(range(0, len(sound), size)):
            block = np.ascontiguousarray(sound[start : start + size])
            status = SimpleNamespace(input_overflow=number in self.device.overflows)
            memory = bytearray(block.tobytes())
            self.options["callback"](memory, len(block), None, status)
            memory[:] = bytes(len(memory))  # PortAudio uses it again as soon as the callback returns
        if self.device.at_end == "fail":
            self.options["finished_callback"]()

    def abort(self, ignore_errors: bool = False) -> None:
        assert ignore_errors
        self.options["finished_callback"]()

    def close(self, ignore_errors: bool = False) -> None:
        assert ignore_errors
        self.is_closed = True


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeSounddevice]]:
    monkeypatch.setattr(microphone, "_LOST_AFTER_S", 0.02)
    monkeypatch.setattr(microphone, "_POLL_S", 0.01)

    def install(*devices: FakeDevice | None) -> FakeSounddevice:
        fake = FakeSounddevice()
        fake.plugged = list(devices)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    yield install
    assert not microphone._open_microphones


@pytest.fixture(scope="module")
def speech() -> Waveform:
    return np.concatenate(list(FileSource(SPEECH).frames()))


def at_48_khz(speech: Waveform, channels: int = 1) -> Waveform:
    mono = soxr.resample(speech, 16_000, 48_000)
    return np.repeat(mono[:, None], channels, axis=1)


def listen(source: AudioSource) -> tuple[list[Waveform], DeviceError | None]:
    """Return the frames until the device is lost, and how that was reported."""
    frames: list[Waveform] = []
    try:
        for frame in source.frames():
            frames.append(frame)
    except DeviceError as error:
        return frames, error
    return frames, None


@pytest.mark.parametrize("channels", [1, 2])
def test_speech_arrives_as_it_was_spoken(plug: Any, speech: Waveform, channels: int) -> None:
    def accepts(_rate: int, wanted: int) -> bool:
        return wanted == channels

    plug(FakeDevice("Mic", at_48_khz(speech, channels), channels=channels, accepts=accepts))
    source = Microphone()
    assert isinstance(source, AudioSource)

    frames, _ = listen(source)

    assert {len(frame) for frame in frames} == {FRAME_SAMPLES}
    heard = np.concatenate(frames)
    assert 0 <= len(heard) - len(speech) <= FRAME_SAMPLES
    np.testing.assert_allclose(heard[: len(speech)], speech, atol=2e-3)
    assert source.name == "Mic"
    assert source.is_live
    assert source.duration_s is None
    assert source.overflow_s == 0


def test_frames_come_while_the_device_goes_on(plug: Any) -> None:
    fake = plug(FakeDevice("Mic", np.ones((16_000, 1), np.float32), rate=16_000))
    frames = Microphone().frames()
    next(frames)
    assert fake.streams[0].options["samplerate"] == 16_000
    frames.close()
    assert fake.streams[0].is_closed


@pytest.mark.parametrize(
    ("wanted", "opened"),
    [
        (None, "Built-in Audio"),
        (0, "USB Audio Pro"),
        ("0", "USB Audio Pro"),
        ("usb audio", "USB Audio"),
        ("PRO", "USB Audio Pro"),
        ("audio", "Built-in Audio"),
    ],
)
def test_devices_are_found_by_index_and_by_name(plug: Any, wanted: str | int | None, opened: str) -> None:
    fake = plug(FakeDevice("USB Audio Pro"), None, FakeDevice("USB Audio", channels=4), FakeDevice("Built-in Audio"))
    fake.default = 3
    source = Microphone(wanted)
    next(source.frames())
    assert source.name == opened


def test_an_unknown_device_is_answered_with_the_known_ones(plug: Any) -> None:
    plug(FakeDevice("Built-in"), None, FakeDevice("Headset"))
    for wanted in ("webcam", 1, "7"):
        with pytest.raises(DeviceError) as caught:
            next(Microphone(wanted).frames())
        assert repr(wanted) in caught.value.message
        assert "0 (Built-in), 2 (Headset)" in caught.value.hint


def test_devices_are_listed_as_they_are_now(plug: Any) -> None:
    fake = plug(None)
    assert list_devices() == []
    fake.plugged = [None, FakeDevice("Line", rate=44_100, channels=2), FakeDevice("Mic")]
    fake.default = 2
    assert list_devices() == [
        InputDevice(1, "Line", 2, 44_100, is_default=False),
        InputDevice(2, "Mic", 1, 48_000, is_default=True),
    ]
    fake.default = 0
    assert not any(device.is_default for device in list_devices())


def test_listing_does_not_stop_a_microphone_that_runs(plug: Any) -> None:
    fake = plug(FakeDevice("Mic"))
    frames = Microphone().frames()
    next(frames)
    fake.calls.clear()
    assert [device.name for device in list_devices()] == ["Mic"]
    assert fake.calls == []
    frames.close()
    list_devices()
    assert fake.calls == ["terminate", "initialize"]


@pytest.mark.parametrize("at_end", ["fail", "silence"])
def test_a_lost_device_is_reported_and_used_again_when_it_is_back(plug: Any, speech: Waveform, at_end: str) -> None:
    sound = at_48_khz(speech[:50_000])
    fake = plug(FakeDevice("Built-in"), FakeDevice("USB Mic", sound, at_end=at_end))
    source = Microphone(1)

    frames, error = listen(source)
    assert error is not None
    assert "USB Mic" in error.message
    assert error.hint
    assert fake.streams[0].is_closed
    heard = np.concatenate(frames)
    np.testing.assert_allclose(heard[:50_000], speech[:50_000], atol=2e-3)
    assert len(heard) % FRAME_SAMPLES == 0
    assert not heard[50_100:].any()

    fake.plugged = [FakeDevice("Built-in")]
    frames, error = listen(source)
    assert frames == []
    assert error is not None
    assert "no microphone 'USB Mic'" in error.message

    fake.plugged = [FakeDevice("Built-in"), None, None, FakeDevice("USB Mic", sound)]
    frames, _ = listen(source)
    np.testing.assert_allclose(np.concatenate(frames)[:50_000], speech[:50_000], atol=2e-3)
    assert fake.streams[-1].options["device"] == 3


def test_no_device_then_one(plug: Any) -> None:
    fake = plug()
    source = Microphone()
    assert source.name
    with pytest.raises(DeviceError, match="No microphone was found"):
        next(source.frames())
    fake.plugged = [FakeDevice("Mic")]
    assert len(next(source.frames())) > 0


def test_portaudio_that_does_not_start_is_tried_again(plug: Any) -> None:
    fake = plug(FakeDevice("Mic"))
    fake.fails_to_start = True
    source = Microphone()
    with pytest.raises(DeviceError, match="Host error"):
        next(source.frames())
    fake.fails_to_start = False
    assert len(next(source.frames())) > 0


def test_what_the_device_refuses_is_worked_around(plug: Any) -> None:
    sound = np.tile(np.array([[0.25, 0.75]], np.float32), (44_100, 1))
    device = FakeDevice(
        "Odd", sound, rate=32_000, channels=2, accepts=lambda rate, channels: (rate, channels) == (44_100, 2)
    )
    plug(device)
    frames, _ = listen(Microphone())
    assert frames[1] == pytest.approx(0.5, abs=1e-3)


def test_a_device_that_cannot_be_opened_says_why(plug: Any) -> None:
    plug(FakeDevice("Busy", accepts=lambda rate, channels: False))
    with pytest.raises(DeviceError, match=r"'Busy' cannot be opened: Invalid number of channels") as caught:
        next(Microphone().frames())
    assert "Close other programs" in caught.value.hint


def test_overflow_is_counted(plug: Any) -> None:
    plug(FakeDevice("Mic", np.ones((48_000, 1), np.float32), overflows=(3, 4, 9)))
    source = Microphone()
    listen(source)
    assert source.overflow_s == pytest.approx(3 * 0.04)


def test_a_consumer_that_stands_still_loses_sound_but_not_the_count(plug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_MOST_BLOCKS", 10)
    plug(FakeDevice("Mic", np.ones((48_000, 1), np.float32)))
    source = Microphone()
    frames, _ = listen(source)
    assert source.overflow_s == pytest.approx(15 * 0.04)
    assert sum(map(len, frames)) < 16_000


def test_close_from_another_thread_ends_the_frames(plug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_LOST_AFTER_S", 60)
    monkeypatch.setattr(microphone, "_POLL_S", 60)
    fake = plug(FakeDevice("Mic", np.ones((48_000, 1), np.float32)))
    source, begun, result = Microphone(), threading.Event(), []

    def consume() -> None:
        for frame in source.frames():
            result.append(frame)
            begun.set()

    thread = threading.Thread(target=consume)
    thread.start()
    assert begun.wait(10)
    source.close()
    thread.join(10)

    assert not thread.is_alive()
    assert fake.streams[0].is_closed
    assert sum(map(len, result)) == 16_000, "what was heard before `close` is kept"
    assert list(source.frames()) == []


def test_close_while_the_device_is_being_opened(plug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_LOST_AFTER_S", 60)
    plug(FakeDevice("Mic"))
    source = Microphone()
    find = microphone._find_new_devices

    def close_meanwhile(sounddevice: Any) -> None:
        find(sounddevice)
        source.close()

    monkeypatch.setattr(microphone, "_find_new_devices", close_meanwhile)
    assert sum(map(len, source.frames())) <= 1_600


def test_portaudio_missing_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(DeviceError, match="PortAudio library not found") as caught:
        next(Microphone().frames())
    assert "libportaudio2" in caught.value.hint
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(DeviceError) as caught:
        list_devices()
    assert "brew install portaudio" in caught.value.hint


def test_the_real_portaudio_without_a_device() -> None:
    with contextlib.suppress(DeviceError):
        if list_devices():
            pytest.skip("this machine has a microphone")
    with pytest.raises(DeviceError, match=r"No microphone was found|PortAudio") as caught:
        next(Microphone().frames())
    assert caught.value.hint
