"""faster-whisper called directly: the baseline that our results stand beside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.faster_whisper import SETTINGS, FasterWhisper
from speech3n.eval.systems.fingerprint import package_version, weights_digest
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import Mode
from speech3n.runtime.threads import compute_threads

if TYPE_CHECKING:
    from speech3n.engines.base import ModelRef

from speech3n.eval.systems.system import Recogniser, Settings


@dataclass(frozen=True, slots=True)
class BaselineSystem:
    """faster-whisper called directly: its own interface, its own defaults but for `SETTINGS`."""

    model: ModelRef
    mode: Mode = field(default="offline", init=False)

    @property
    def name(self) -> str:
        """`faster-whisper`, and the model's name where that says more."""
        return f"faster-whisper {self.model.name.removeprefix('whisper-')}"

    def settings(self) -> Settings:
        """Its version and all that it is told."""
        return {
            "model": self.model.name,
            "weights": weights_digest(self.model),
            "threads": compute_threads(),
            "faster-whisper": package_version("faster-whisper"),
            "ctranslate2": package_version("ctranslate2"),
            **SETTINGS,
        }

    def open(self) -> Recogniser:
        """Load the weights."""
        from speech3n.engines.registry import require_installed

        require_installed(self.model)
        return _FasterWhisperRecogniser(FasterWhisper(str(self.model.folder), compute_threads()))


@dataclass(frozen=True, slots=True)
class _FasterWhisperRecogniser:
    model: FasterWhisper

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        started = time.perf_counter()
        text = self.model.recognise(recording.audio, recording.language, "transcribe")
        compute_s = time.perf_counter() - started
        translation = self.model.recognise(recording.audio, recording.language, "translate") if translate else None
        return Recognition(text, translation, compute_s)

    def close(self) -> None:
        """Nothing but memory is held."""
