"""Microphones through PortAudio (sounddevice): found by name, recorded at their own rate, missed when they go."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from speech3n.audio.resample import HIGHEST_RATE, LOWEST_RATE, Framer, Resampler
from speech3n.errors import DeviceError
from speech3n.types import FRAME_SAMPLES, Waveform

_LOST_AFTER_S = 2.0
"""A device that says nothing for so long is gone: macOS tells nobody when one is unplugged."""
_POLL_S = 0.25
_BLOCK_S = 0.04
_MOST_BLOCKS = 1_500
"""One minute: what a consumer that stands still may leave in memory before sound is dropped and counted."""
_COMMON_RATES = (48_000, 44_100, 16_000)
_NO_MICROPHONE = "Plug in a microphone, or allow this program to use it, and try again."

# PortAudio finds new devices only when it starts anew, and that ends every stream that is open.
_portaudio_lock = threading.RLock()
_open_microphones: set[Microphone] = set()


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device that sound can come from; `sample_rate` in Hz is what it runs at by default."""

    index: int
    name: str
    channels: int
    sample_rate: int
    is_default: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """What the callback copied; `is_after_loss` where PortAudio dropped sound right before it."""

    pcm: bytes
    is_after_loss: bool


class Microphone:
    """Live sound from an input device, given by index, by name (any part of it, case ignored) or by default.

    Nothing is opened before `frames`, which raises DeviceError where PortAudio or the device is missing and
    when the device is lost; called again it looks for the device anew, by its name, as indices change.
    """

    is_live = True
    duration_s: float | None = None

    def __init__(self, device: str | int | None = None) -> None:
        self.warnings: list[str] = []
        self.name = "microphone" if device is None else f"microphone {device}"
        self.overflow_s = 0.0
        """Sound that was lost because the computer was too busy, at least: PortAudio does not say how much."""
        self._device: str | int | None = device
        self._blocks: queue.SimpleQueue[_Block | None] = queue.SimpleQueue()
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield frames of 160 ms until `close`; raises DeviceError when there is no device, or it is lost."""
        if self._closed.is_set():
            return
        with _portaudio_lock:
            sounddevice = _load_sounddevice()
            _find_new_devices(sounddevice)
            device = _choose(_devices(sounddevice), self._device)
            self.name = device.name
            if isinstance(self._device, int):
                self._device = device.name
            self._blocks = queue.SimpleQueue()
            if self._closed.is_set():
                # `close` came in between and spoke to the queue before this one.
                self._blocks.put(None)
            stream = self._open(sounddevice, device)
            _open_microphones.add(self)
        try:
            yield from self._record(stream)
        finally:
            with _portaudio_lock:
                # `stop` would wait for a device that may be gone.
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)
                _open_microphones.discard(self)

    def close(self) -> None:
        """End `frames` after the sound that came so far; safe from any thread."""
        self._closed.set()
        self._blocks.put(None)

    def _open(self, sounddevice: ModuleType, device: InputDevice) -> Any:
        """Return a running stream, at the device's own rate and in mono where it can, else as it allows."""
        rates = dict.fromkeys((device.sample_rate, *_COMMON_RATES))
        attempts = [
            (rate, channels)
            for rate in rates
            if LOWEST_RATE <= rate <= HIGHEST_RATE
            for channels in dict.fromkeys((1, min(device.channels, 2), device.channels))
        ]
        reason = ""
        for rate, channels in attempts:
            blocks = self._blocks
            stream = None
            try:
                stream = sounddevice.RawInputStream(
                    samplerate=rate,
                    blocksize=round(rate * _BLOCK_S),
                    device=device.index,
                    channels=channels,
                    dtype="float32",
                    latency="high",
                    callback=self._callback(blocks, _BLOCK_S),
                    # Also called when the device fails: no need then to wait for the silence to grow long.
                    finished_callback=lambda blocks=blocks: blocks.put(None),
                )
                stream.start()
            except sounddevice.PortAudioError as error:
                reason = reason or _reason(error)
                if stream is not None:
                    stream.close(ignore_errors=True)
            else:
                return stream
        raise DeviceError(
            f"The microphone {device.name!r} cannot be opened: {reason}.",
            "Close other programs that use it, or choose another device.",
        )

    def _callback(self, blocks: queue.SimpleQueue[_Block | None], block_s: float) -> Any:
        """Return what PortAudio calls from its own thread: a copy and nothing else."""

        def copy(pcm: Any, _samples: int, _time: Any, status: Any) -> None:
            if blocks.qsize() < _MOST_BLOCKS:
                blocks.put(_Block(bytes(pcm), bool(status.input_overflow)))
            else:
                self.overflow_s += block_s

        return copy

    def _record(self, stream: Any) -> Iterator[Waveform]:
        resampler, framer = Resampler(round(stream.samplerate), stream.channels), Framer()
        silent_s = 0.0
        while silent_s < _LOST_AFTER_S:
            try:
                block = self._blocks.get(timeout=_POLL_S)
            except queue.Empty:
                silent_s += _POLL_S
                continue
            if block is None:
                break
            silent_s = 0.0
            if block.is_after_loss:
                self.overflow_s += _BLOCK_S
            pcm = np.frombuffer(block.pcm, np.float32).reshape(-1, stream.channels)
            yield from framer.push(resampler.push(pcm))
        yield from framer.push(resampler.flush())
        if self._closed.is_set():
            yield from framer.flush()
            return
        # Full frames until the very last one: sound may go on when the device is back.
        for rest in framer.flush():
            yield np.pad(rest, (0, FRAME_SAMPLES - len(rest)))
        raise DeviceError(f"The microphone {self.name!r} was lost.", "Plug it in again.")


def list_devices() -> list[InputDevice]:
    """Return the input devices that are plugged in now; raises DeviceError where PortAudio is missing."""
    with _portaudio_lock:
        sounddevice = _load_sounddevice()
        _find_new_devices(sounddevice)
        return _devices(sounddevice)


def _load_sounddevice() -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            f"The microphone needs the system library PortAudio, which is not here ({_reason(error)}).",
            _portaudio_hint(),
        ) from error
    return sounddevice  # type: ignore[no-any-return]


def _portaudio_hint() -> str:
    if sys.platform == "darwin":
        return "Install it: brew install portaudio."
    return (
        "Install it: apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora), "
        "pacman -S portaudio (Arch)."
    )


def _find_new_devices(sounddevice: ModuleType) -> None:
    """Start PortAudio anew, so that it sees what was plugged in since, unless a stream depends on it."""
    if _open_microphones:
        return
    # Private, but what sounddevice's author advises (spatialaudio/python-sounddevice, issue 125).
    with contextlib.suppress(sounddevice.PortAudioError):
        # Fails where the last attempt to start it failed; that is no reason not to try again.
        sounddevice._terminate()
    try:
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"PortAudio does not start: {_reason(error)}.", _NO_MICROPHONE) from error


def _devices(sounddevice: ModuleType) -> list[InputDevice]:
    try:
        default = sounddevice.query_devices(kind="input")["index"]
    except (sounddevice.PortAudioError, ValueError):
        # No default does not mean no device.
        default = None
    return [
        InputDevice(
            index=device["index"],
            name=device["name"],
            channels=device["max_input_channels"],
            sample_rate=round(device["default_samplerate"]),
            is_default=device["index"] == default,
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def _choose(devices: list[InputDevice], wanted: str | int | None) -> InputDevice:
    if not devices:
        raise DeviceError("No microphone was found.", _NO_MICROPHONE)
    if wanted is None:
        # Without a default the first is as good a guess as any.
        return next((device for device in devices if device.is_default), devices[0])
    text = str(wanted).casefold()
    if text.isdecimal():
        matches = [device for device in devices if device.index == int(text)]
    else:
        matches = [device for device in devices if device.name.casefold() == text]
        matches = matches or [device for device in devices if text in device.name.casefold()]
    if not matches:
        known = ", ".join(f"{device.index} ({device.name})" for device in devices)
        raise DeviceError(f"There is no microphone {wanted!r}.", f"Choose one of: {known}.")
    return next((device for device in matches if device.is_default), matches[0])


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
