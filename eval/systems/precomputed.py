"""Hypotheses of another program, from a JSONL file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from speech3n.errors import Speech3nError, UsageError
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import Mode, Recogniser, Settings
from speech3n.runtime.untrusted import Text, Unreadable, convert, parse_object
from speech3n.training.data.manifest import ManifestError, read_lines


class HypothesesError(Speech3nError):
    """A file of hypotheses that can't be read, or has none for a clip."""


class _Hypothesis(msgspec.Struct):
    audio: Text
    text: Text
    translation: Text | None = None


@dataclass(frozen=True, slots=True)
class PrecomputedHypotheses:
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
        return _PrecomputedRecogniser(self.file, _read_hypotheses(self.file))


@dataclass(frozen=True, slots=True)
class _PrecomputedRecogniser:
    file: Path
    texts: Mapping[str, Recognition]

    def recognise(self, recording: Recording, *, translate: bool, progress: Callable[[float], None]) -> Recognition:
        for name in recording.names:
            if name in self.texts:
                return self.texts[name]
        raise HypothesesError(f"{self.file} has no text for {recording.names[0]}.", 'Each line needs "audio", "text".')

    def close(self) -> None:
        """Nothing is held open."""


def parse_hypotheses(argument: str) -> PrecomputedHypotheses:
    """A system from `NAME=FILE`; raises UsageError."""
    name, equals, file = argument.partition("=")
    if not (name and equals and file):
        raise UsageError(f"--hypotheses {argument} is not NAME=FILE.", "Example: --hypotheses other=other.jsonl.")
    return PrecomputedHypotheses(name, Path(file))


def _read_hypotheses(file: Path) -> dict[str, Recognition]:
    texts: dict[str, Recognition] = {}
    try:
        for where, line in read_lines(file):
            try:
                found = convert(parse_object(line), _Hypothesis)
            except Unreadable as error:
                raise HypothesesError(
                    f"{where}: no hypothesis ({error}).", 'Each line is {"audio", "text", "translation"}.'
                ) from error
            texts[found.audio] = texts[Path(found.audio).name] = Recognition(found.text, found.translation)
    except ManifestError as error:
        raise HypothesesError(error.message, "Give a UTF-8 JSONL file.") from error
    return texts
