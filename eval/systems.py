"""What can be evaluated: our engines, as files or as captions; faster-whisper by itself; texts that somebody made.

A System is a small description that travels to a process of its own and is opened there: a recogniser that crashes
takes nobody with it, and its memory is its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from speech3n.errors import Speech3nError, UsageError
from speech3n.eval.events import record_of
from speech3n.eval.fingerprint import code_digest, package_version, size_digest, weights_digest
from speech3n.eval.peer import SETTINGS, FasterWhisper
from speech3n.eval.recognition import Recognition, session_texts
from speech3n.eval.recordings import Recording
from speech3n.eval.report.document import Mode
from speech3n.eval.run import session_events
from speech3n.runtime.threads import compute_threads
from speech3n.types import Status

if TYPE_CHECKING:
    from speech3n.engines.base import Engine, ModelRef

Settings: TypeAlias = Mapping[str, str | int | float | bool | None]


class HypothesesError(Speech3nError):
    """A file of hypotheses that can't be read, or has none for a clip."""


class Recogniser(Protocol):
    """An opened system."""

    def recognise(self, recording: Recording, *, translate: bool, heard: Callable[[float], None]) -> Recognition:
        """Recognise a recording, and translate it to English where that is asked for and the system can.

        `heard` is told now and then how many seconds of it are done. Raises AudioError, EngineError, UsageError for
        a language that the system does not have.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class System(Protocol):
    """What is needed to open a recogniser in another process, and to know its results again."""

    @property
    def name(self) -> str:
        """As people call it."""
        ...

    @property
    def mode(self) -> Mode:
        """As files, as captions, or given."""
        ...

    def settings(self) -> Settings:
        """Everything that its output depends on, but for the audio; raises ModelError for missing weights."""
        ...

    def open(self) -> Recogniser:
        """Load it; raises ModelError, UsageError."""
        ...


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
class PeerSystem:
    """faster-whisper called directly: its own interface, its own defaults but for `eval.peer.SETTINGS`."""

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
        return _PeerRecogniser(FasterWhisper(str(self.model.folder), compute_threads()))


@dataclass(frozen=True, slots=True)
class GivenSystem:
    """Hypotheses of another program, from a JSONL file: `audio` as in the manifest (or its file name), `text`, and
    `translation` where there is one."""

    label: str
    file: Path
    mode: Mode = field(default="given", init=False)

    @property
    def name(self) -> str:
        """As given."""
        return self.label

    def settings(self) -> Settings:
        """The file, which is read here once to see that it can be; raises HypothesesError with file and line."""
        return {"file": self.file.name, "texts": len(_read_hypotheses(self.file))}

    def open(self) -> Recogniser:
        """Read the file."""
        return _GivenRecogniser(self.file, _read_hypotheses(self.file))


@dataclass(frozen=True, slots=True)
class _EngineRecogniser:
    engine: Engine
    mode: Literal["offline", "streaming"]

    def recognise(self, recording: Recording, *, translate: bool, heard: Callable[[float], None]) -> Recognition:
        from speech3n.audio.source import FileSource
        from speech3n.session.options import SessionOptions, file_options

        translate = translate and "translate" in self.engine.info.tasks
        is_offline = self.mode == "offline"
        options = (file_options if is_offline else SessionOptions)(recording.language, translate=translate)
        started = time.perf_counter()
        pace: Literal["max", "simulated"] = "max" if is_offline else "simulated"
        events = []
        for event in session_events(self.engine, FileSource(recording.audio), options, pace):
            events.append(event)
            if isinstance(event, Status):
                heard(event.audio_s)
        compute_s = time.perf_counter() - started
        text, translation = session_texts(events, recording.language, translated=translate)
        # The log of a session has a status for each 150 ms; its last one says it all.
        last_status = [event for event in events if isinstance(event, Status)][-1:]
        kept = [event for event in events if not isinstance(event, Status)] + last_status
        records = [record for event in kept if (record := record_of(event)) is not None]
        return Recognition(text, translation, compute_s, events=None if is_offline else records)

    def close(self) -> None:
        self.engine.close()


@dataclass(frozen=True, slots=True)
class _PeerRecogniser:
    model: FasterWhisper

    def recognise(self, recording: Recording, *, translate: bool, heard: Callable[[float], None]) -> Recognition:
        started = time.perf_counter()
        text = self.model.recognise(recording.audio, recording.language, "transcribe")
        compute_s = time.perf_counter() - started
        translation = self.model.recognise(recording.audio, recording.language, "translate") if translate else None
        return Recognition(text, translation, compute_s)

    def close(self) -> None:
        """Nothing but memory is held."""


@dataclass(frozen=True, slots=True)
class _GivenRecogniser:
    file: Path
    texts: Mapping[str, Recognition]

    def recognise(self, recording: Recording, *, translate: bool, heard: Callable[[float], None]) -> Recognition:
        for name in recording.names:
            if name in self.texts:
                return self.texts[name]
        raise HypothesesError(f"{self.file} has no text for {recording.names[0]}.", 'Each line needs "audio", "text".')

    def close(self) -> None:
        """Nothing is held open."""


def parse_hypotheses(argument: str) -> GivenSystem:
    """A system from `NAME=FILE`; raises UsageError."""
    name, equals, file = argument.partition("=")
    if not (name and equals and file):
        raise UsageError(f"--hypotheses {argument} is not NAME=FILE.", "Example: --hypotheses other=other.jsonl.")
    return GivenSystem(name, Path(file))


def _read_hypotheses(file: Path) -> dict[str, Recognition]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HypothesesError(f"Cannot read {file}: {error}.", "Give a UTF-8 JSONL file.") from error
    texts: dict[str, Recognition] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            audio, text, translation = entry["audio"], entry["text"], entry.get("translation")
            if not (isinstance(audio, str) and isinstance(text, str) and isinstance(translation, str | None)):
                raise TypeError("audio, text and translation are texts")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HypothesesError(
                f"{file}, line {number}: no hypothesis ({error}).", 'Each line is {"audio", "text", "translation"}.'
            ) from error
        texts[audio] = texts[Path(audio).name] = Recognition(text, translation)
    return texts
