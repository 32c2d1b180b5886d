"""What recognises: a ModelRef says which model is meant, an EngineFactory opens it as a heavy, shared Engine, and that
opens light EngineStreams, one for each utterance of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from speech3n.errors import UsageError
from speech3n.languages import language_name
from speech3n.types import Hypothesis, Waveform

AUTO_SIZE = "auto"
"""Every size that a model holds, for its streams to change between; no model has too few for it."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model that somebody asked for by `model`, its name or folder; `resolve_model` makes it, and nothing is loaded.

    `name` is what results call it. `folder` is where its files lie or, where it is `in_catalogue`, will lie once they
    are fetched. `family` names the engine that opens it. `size` is AUTO_SIZE, or one size by name or file; None is the
    whole model. `config` is what config.json in a folder that somebody gave holds, None where there is none.
    """

    model: str
    name: str
    folder: Path
    family: str = ""
    size: str | None = None
    in_catalogue: bool = False
    config: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What one stream is to do.

    `language` is an ISO 639-1 code or None to detect it; where it is detected, `likely_language` (that of
    the speech before) holds until the sound speaks clearly for another. `translate` adds a translation into
    `target_language`.
    `interactive` asks for cheap, frequent hypotheses instead of one careful hypothesis at the end. `size` is the one
    of the engine's `sizes` to begin with, None for the largest.
    """

    language: str | None = None
    likely_language: str | None = None
    translate: bool = False
    target_language: str = "en"
    interactive: bool = False
    size: str | None = None


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is called and can do.

    `max_utterance_s` is the longest audio one stream takes; `target_languages` is what it translates to, None for
    any language. Without `detects_language` a hypothesis has the language that was asked for, or none; without
    `aligns_words` word times are estimates. `sizes` are those between which its streams may change, smallest
    first; empty where there is no choice.
    """

    name: str
    languages: frozenset[str]
    tasks: frozenset[str] = field(default_factory=lambda: frozenset({"transcribe"}))
    streaming: Literal["native", "buffered"] = "buffered"
    max_utterance_s: float = 28.0
    target_languages: frozenset[str] | None = frozenset({"en"})
    detects_language: bool = True
    aligns_words: bool = True
    sizes: tuple[str, ...] = ()

    def require_translation(self, target: str) -> None:
        """Raise UsageError unless the engine translates to the language `target`."""
        if "translate" not in self.tasks:
            raise UsageError(f"{self.name} cannot translate.", "Choose a multilingual model, or do not translate.")
        if self.target_languages is not None and target not in self.target_languages:
            known = " and ".join(language_name(code) for code in sorted(self.target_languages))
            raise UsageError(
                f"{self.name} translates to {known} only, not to {language_name(target)}.",
                "gemma-3n models translate to others: choose one with --model.",
            )


@runtime_checkable
class EngineStream(Protocol):
    """The recognition of one utterance; not thread-safe, cheap to open and to throw away."""

    def accept_waveform(self, pcm: Waveform) -> None:
        """Append float32 mono 16 kHz audio of any length."""
        ...

    def decode(self) -> Hypothesis | None:
        """Return the hypothesis for everything accepted so far, or None where nothing new was accepted."""
        ...

    def input_finished(self) -> None:
        """Say that no more audio will come, so that the next `decode` is the final, most careful one."""
        ...

    def cut(self, samples: int, words: int) -> Hypothesis:
        """End speech that has no pause after `samples`, and go on with the audio after them as an utterance of its own.

        Returns the final hypothesis of what came before, with its translation: the first `words` words of the newest
        hypothesis, which end there; an engine whose word times are estimates goes by the sound. Times of later
        hypotheses count from the cut.
        """
        ...


@runtime_checkable
class ElasticStream(EngineStream, Protocol):
    """A stream of an engine that has `sizes`."""

    def use_size(self, size: str) -> None:
        """Decode at another of the engine's sizes from the next `decode` on."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A loaded recogniser, shared by many streams; usable as a context manager by `contextlib.closing`."""

    @property
    def info(self) -> EngineInfo:
        """Name, languages, tasks and kind of streaming."""
        ...

    def open_stream(self, options: StreamOptions) -> EngineStream:
        """Open a stream; raises UsageError for a language or task that the engine does not have."""
        ...

    def close(self) -> None:
        """Free the weights."""
        ...


class EngineFactory(Protocol):
    """What a family of models brings: which models are its own, and how one is opened.

    To import and to ask it costs next to nothing: the libraries that compute are imported by `open`.
    """

    @property
    def model_files(self) -> str:
        """What a folder of the family holds, in words for people: `model.bin and config.json of a ... model`."""
        ...

    def can_open(self, model: ModelRef) -> bool:
        """Whether the folder holds a model of this family, by `config` and the names of files.

        Raises ModelError for a folder that nearly does, which says what it needs.
        """
        ...

    def require_packages(self, model: ModelRef) -> None:
        """Raise MissingExtraError where a package is missing that runs the model; imports none."""
        ...

    def check_size(self, model: ModelRef) -> None:
        """Raise UsageError where the model cannot be run at the size it names, which is neither None nor AUTO_SIZE."""
        ...

    def open(self, model: ModelRef) -> Engine:
        """Load the model; raises ModelError for damaged weights, UsageError for a size that does not fit them."""
        ...
