"""Systems that need no weights; in a module of their own, because they are opened in other processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech3n.errors import AudioError, EngineError, ModelError
from speech3n.eval.measures.events import record_of
from speech3n.eval.sets.audio_files import read_audio
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import Mode
from speech3n.types import End, Segment, Update, Word


@dataclass(frozen=True, slots=True)
class ScriptedSystem:
    """Says what `text` says (the reference of the clips, or how loud they are), and logs its recordings to a folder."""

    folder: Path
    name: str = "scripted"
    mode: Mode = "offline"
    text: str = "reference"
    fails_on: str = ""
    how: str = ""
    version: int = 1

    def settings(self) -> dict[str, str | int | float | bool | None]:
        return {"version": self.version}

    def open(self) -> ScriptedSystem:
        if self.how == "no model":
            raise ModelError("There is no such model.", "Fetch it.")
        return self

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        progress(0.25)
        (self.folder / f"{self.name}-{recording.audio.stem}-{time.monotonic_ns()}").touch()
        if self.fails_on and self.fails_on in recording.audio.name:
            self._fail(recording)
        words = " ".join(joined.clip.text for joined in recording.clips)
        if self.text == "peak":
            words = f"{np.abs(read_audio(recording.audio)).max():.4f}"
        elif self.text != "reference":
            words = self.text
        translation = " ".join(joined.clip.translation_en or "" for joined in recording.clips) if translate else None
        return Recognition(words, translation, compute_s=0.1 * recording.duration_s)

    def _fail(self, recording: Recording) -> None:
        match self.how:
            case "audio":
                raise AudioError(f"{recording.audio} is broken.", "Mend it.")
            case "engine":
                raise EngineError("The engine broke.", "Mend it.")
            case "bug":
                raise ZeroDivisionError("division by zero")
            case "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            case "meets":
                # Only another process that is busy at the same time lets this one go on.
                deadline = time.monotonic() + 60
                while len(list(self.folder.iterdir())) < 2:
                    if time.monotonic() > deadline:
                        raise EngineError("Nobody else came.")
                    time.sleep(0.01)

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class ScriptedCaptions:
    """Says the reference of a clip, word by word: one ends each 0.2 s, and is shown `late_s` after that.

    Of a clip with `wrong_on` in its name it says something else. Computing takes a tenth of the sound, live a fifth.
    """

    name: str
    mode: Mode = "streaming"
    size: str | None = None
    late_s: float = 0.25
    wrong_on: str = "nowhere"

    def settings(self) -> dict[str, str | int | float | bool | None]:
        return {"size": self.size}

    def open(self) -> ScriptedCaptions:
        return self

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        clip = recording.clips[0].clip
        text = "nada" if self.wrong_on in recording.audio.name else clip.text
        translation = clip.translation_en if translate else None
        if self.mode == "offline":
            return Recognition(text, translation, 0.1 * recording.duration_s)
        words = tuple(Word(word, 0.2 * place, 0.2 * place + 0.2, 1.0) for place, word in enumerate(text.split()))
        updates = [
            Update(words[: count + 1], (), audio_s=word.end, elapsed_s=word.end + self.late_s)
            for count, word in enumerate(words)
        ]
        segment = Segment(0, 0.0, words[-1].end, text, words, clip.language, translation)
        end = End(recording.duration_s, recording.duration_s + 9.0, 0.0)
        records = [record for event in (*updates, segment, end) if (record := record_of(event)) is not None]
        return Recognition(text, translation, 0.2 * recording.duration_s, events=records)

    def close(self) -> None:
        pass
