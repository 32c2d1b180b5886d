"""faster-whisper called directly: the baseline that our results stand beside.

Its own interface and its own defaults, but for the settings that are given: CPU, compute type, beam size, language,
and word times, which we write too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech3n.errors import AudioError, EngineError
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.fingerprint import package_version, weights_digest
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import Mode, Recogniser, Settings
from speech3n.runtime.threads import compute_threads

if TYPE_CHECKING:
    from speech3n.engines.base import ModelRef


SETTINGS: Mapping[str, str | int | bool] = {
    "device": "cpu",
    "compute_type": "int8",
    "beam_size": 5,
    "word_timestamps": True,
}


class FasterWhisper:
    """faster-whisper with a model folder; `threads` 0 leaves their number to CTranslate2."""

    def __init__(self, folder: str, threads: int) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            folder, device=SETTINGS["device"], compute_type=SETTINGS["compute_type"], cpu_threads=threads
        )

    def recognise(self, audio: Path, language: str | None, task: Literal["transcribe", "translate"]) -> str:
        """The text of a file; `language` None detects it. Raises AudioError, EngineError."""
        try:
            segments, _ = self._model.transcribe(
                str(audio),
                beam_size=SETTINGS["beam_size"],
                language=language,
                task=task,
                word_timestamps=SETTINGS["word_timestamps"],
            )
            return "".join(segment.text for segment in segments).strip()
        except OSError as error:
            raise AudioError(f"faster-whisper cannot read {audio}: {error}.", "Check the file.") from error
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"faster-whisper failed on {audio}: {error}.", "Try the file by itself.") from error


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
