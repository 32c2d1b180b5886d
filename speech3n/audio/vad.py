"""Voice activity: a cheap gate that silence never passes, then a small network that noise and music rarely pass.

Stage one is WebRTC's detector with an energy floor and a hang-over; it costs microseconds and runs on every
frame. Stage two is Silero VAD v6 (MIT licence, the ONNX file that faster-whisper ships); it runs only
while the gate is open. Either alone is not enough: WebRTC calls steady tones and noise speech, and a
network that runs all day on an empty room wastes a battery.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.level import may_be_speech
from speech3n.audio.leveller import Leveller
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

if TYPE_CHECKING:
    import onnxruntime

SLOT_SAMPLES = 512
"""Samples of one decision: 32 ms, the window of Silero VAD; five make a frame of 160 ms."""
SLOTS_PER_FRAME = FRAME_SAMPLES // SLOT_SAMPLES

_ONSET = 0.5
_OFFSET = 0.35
_WEBRTC_SAMPLES = SAMPLE_RATE // 50
_WEBRTC_AGGRESSIVENESS = 1
_GATE_VOICED = 2
_GATE_HANGOVER_FRAMES = 4


class VoiceActivityDetector:
    """Speech or not, for every 32 ms of a stream, with hysteresis: 0.5 to begin speech, 0.35 to go on."""

    def __init__(self) -> None:
        import webrtcvad

        self._leveller = Leveller()
        self._webrtc = webrtcvad.Vad(_WEBRTC_AGGRESSIVENESS)
        self._network: SileroNetwork | None = None
        self._open_frames = 0
        self._previous: Waveform = np.zeros(FRAME_SAMPLES, np.float32)
        self._speaking = False

    def push(self, frame: Waveform) -> NDArray[np.bool_]:
        """Take a frame of 160 ms and return five decisions of 32 ms; after a shorter last frame comes silence."""
        if len(frame) < FRAME_SAMPLES:
            frame = np.pad(frame, (0, FRAME_SAMPLES - len(frame)))
        frame = self._leveller.push(frame)
        probabilities = self._probabilities(frame)
        self._previous = frame
        decisions = np.empty(SLOTS_PER_FRAME, bool)
        for slot, probability in enumerate(probabilities):
            self._speaking = bool(probability >= (_OFFSET if self._speaking else _ONSET))
            decisions[slot] = self._speaking
        return decisions

    def _probabilities(self, frame: Waveform) -> NDArray[np.float32]:
        was_open = self._open_frames > 0
        if self._is_candidate(frame):
            self._open_frames = _GATE_HANGOVER_FRAMES
        else:
            self._open_frames = max(0, self._open_frames - 1)
        if not self._open_frames:
            return np.zeros(SLOTS_PER_FRAME, np.float32)
        if self._network is None:
            self._network = SileroNetwork()
        if not was_open:
            # The network has a memory of its own: it begins with what came just before.
            self._network.reset()
            self._network.probabilities(self._previous)
        return self._network.probabilities(frame)

    def _is_candidate(self, frame: Waveform) -> bool:
        if not may_be_speech(frame):
            return False
        pcm = (np.clip(frame, -1.0, 1.0) * 32767).astype("<i2").tobytes()
        size = 2 * _WEBRTC_SAMPLES
        voiced = sum(
            self._webrtc.is_speech(pcm[start : start + size], SAMPLE_RATE) for start in range(0, len(pcm), size)
        )
        return bool(voiced >= _GATE_VOICED)


class SileroNetwork:
    """Silero VAD v6 as a stream: its recurrent state and 64 samples of context are carried along."""

    _CONTEXT_SAMPLES = 64

    def __init__(self) -> None:
        self._session = _silero_session()
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far."""
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context: Waveform = np.zeros(self._CONTEXT_SAMPLES, np.float32)

    def probabilities(self, pcm: Waveform) -> NDArray[np.float32]:
        """Speech probability of each 512 samples of `pcm` [T], T a multiple of 512."""
        extended = np.concatenate([self._context, pcm]).astype(np.float32, copy=False)
        windows = np.lib.stride_tricks.sliding_window_view(extended, SLOT_SAMPLES + self._CONTEXT_SAMPLES)
        feed = {"input": np.ascontiguousarray(windows[::SLOT_SAMPLES]), "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, feed)
        self._context = extended[-self._CONTEXT_SAMPLES :]
        return np.asarray(output, np.float32).reshape(-1)


@cache
def _silero_session() -> onnxruntime.InferenceSession:
    import onnxruntime
    from faster_whisper.utils import get_assets_path

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    (model,) = Path(get_assets_path()).glob("silero_vad_v6*.onnx")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
