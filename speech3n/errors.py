"""The errors that people see: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import unicodedata

_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Format characters that languages and emoji are written with."""
_LONGEST = 1_200
"""Characters of a message, two paths among them; a name from a file may have millions."""


def printable(text: str) -> str:
    """Text from outside, such as the name of a file, with escapes for whatever could move a terminal's cursor."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _UNSHOWN and character not in _JOINERS
        else character
        for character in text
    )


def _shown(text: str) -> str:
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
    return printable(text)


class Speech3nError(Exception):
    """Base of every error that speech3n raises on purpose.

    `message` says what and where, `hint` what to do; the command line prints both on one line. Neither holds control
    characters or is longer than a screen, whatever names are in them.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = _shown(message)
        self.hint = _shown(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(Speech3nError):
    """What was asked for does not exist or does not fit together: unknown language, model, format."""

    exit_code = 2


class AudioError(Speech3nError):
    """An input that holds no audio that can be read: missing, empty, broken, without a sound track."""


class DeviceError(Speech3nError):
    """A microphone that is missing, busy or unplugged, or PortAudio itself missing."""


class ModelError(Speech3nError):
    """A model that is not on disk, cannot be fetched, or is not what its checksum says."""


class MissingExtraError(ModelError):
    """A model whose packages come with an extra (`speech3n[gemma]`) that is not installed."""


class StorageError(Speech3nError):
    """A file that cannot be written or read: full disk, no permission, damaged journal."""


class EngineError(Speech3nError):
    """A recogniser that failed while it worked."""
