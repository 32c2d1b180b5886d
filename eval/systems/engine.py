"""Our engines, as files or as captions, on the road that `transcribe` and `live` take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech3n.eval.measures.events import record_of
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.fingerprint import code_digest, package_version, size_digest, weights_digest
from speech3n.eval.systems.recognition import Recognition, session_texts
from speech3n.eval.systems.system import Recogniser, Settings
from speech3n.runtime.threads import compute_threads
from speech3n.types import Status

if TYPE_CHECKING:
    from speech3n.engines.base import Engine, ModelRef


@dataclass(frozen=True, slots=True)
class EngineSystem:
    """One of our engines, with a model at a size, on the road that `transcribe` and `live` take."""

    model: ModelRef
    mode: Literal["offline", "streaming"]

    @property
    def name(self) -> str:
        """The model's name, and the size."""
        size = self.model.size
        return self.model.name if size is None else f"{self.model.name} {Path(size).stem}"

    def settings(self) -> Settings:
        """Model, weights, size and code."""
        return {
            "model": self.model.name,
            "weights": weights_digest(self.model),
            "size": size_digest(self.model.size),
            "threads": compute_threads(),
            "speech3n": package_version("speech3n"),
            "code": code_digest("speech3n"),
        }

    def open(self) -> Recogniser:
        """Load the engine."""
        from speech3n.engines.registry import open_engine

        return _EngineRecogniser(open_engine(self.model), self.mode)


@dataclass(frozen=True, slots=True)
class _EngineRecogniser:
    engine: Engine
    mode: Literal["offline", "streaming"]

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        from speech3n.audio.source import FileSource
        from speech3n.session.feed import open_feed
        from speech3n.session.options import SessionOptions, file_options
        from speech3n.session.session import Session

        translate = translate and "translate" in self.engine.info.tasks
        is_offline = self.mode == "offline"
        options = (file_options if is_offline else SessionOptions)(recording.language, translate=translate)
        started = time.perf_counter()
        pace: Literal["max", "simulated"] = "max" if is_offline else "simulated"
        events = []
        for event in Session(self.engine, options).run(open_feed(FileSource(recording.audio), pace=pace)):
            events.append(event)
            if isinstance(event, Status):
                progress(event.audio_s)
        compute_s = time.perf_counter() - started
        text, translation = session_texts(events, recording.language, translated=translate)
        # The log of a session has a status for each 150 ms; its last one says it all.
        last_status = [event for event in events if isinstance(event, Status)][-1:]
        kept = [event for event in events if not isinstance(event, Status)] + last_status
        records = [record for event in kept if (record := record_of(event)) is not None]
        return Recognition(text, translation, compute_s, events=None if is_offline else records)

    def close(self) -> None:
        self.engine.close()
