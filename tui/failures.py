"""What went wrong, in words for the error panel."""

from __future__ import annotations

from dataclasses import dataclass

from speech3n.errors import (
    AudioError,
    DeviceError,
    EngineError,
    ModelError,
    Speech3nError,
    StorageError,
    UsageError,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure in words: a title, what happened, what to do, and where what was heard is kept."""

    title: str
    message: str
    hint: str = ""
    kept: str = ""


_TITLES = {
    DeviceError: "The microphone cannot be heard",
    AudioError: "There is nothing to hear",
    ModelError: "The model is not ready",
    StorageError: "The session cannot be kept",
    EngineError: "Recognition stopped",
    UsageError: "This does not fit together",
}


def describe(failure: Exception, kept: str = "") -> Problem:
    """A failure in words; `kept` says where what was heard is."""
    if isinstance(failure, Speech3nError):
        title = next((title for kind, title in _TITLES.items() if isinstance(failure, kind)), "This did not work")
        return Problem(title, failure.message, failure.hint, kept)
    hint = "Run with `--debug` for the traceback, and please report it."
    return Problem("speech3n has a bug here", f"{failure!r}", hint, kept)
