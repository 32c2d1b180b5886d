"""faster-whisper called directly: the baseline that our results stand beside.

Its own interface and its own defaults, but for the settings that are given: CPU, compute type, beam size, language,
and word times, which we write too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from speech3n.errors import AudioError, EngineError

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
