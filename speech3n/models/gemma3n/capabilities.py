"""What a checkpoint was trained for, where that is less than its architecture allows: `speech3n.json` beside config.

    {"languages": ["en", "es"], "translates_to": ["en"], "max_utterance_s": 10, "sizes": {"half": {"ffn": 512}}}

Any of the four may be missing, and so may the file: Gemma 3n as it is published knows any language, takes 28 s of
audio and has the sizes `e2b` and `e4b`. A size is written as in a size file (`sizes.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from speech3n.errors import ModelError, UsageError
from speech3n.models.gemma3n.sizes import PRESETS, Size
from speech3n.runtime.untrusted import Unreadable, read_json

NAME = "speech3n.json"
_LARGEST_FILE = 1 << 16
_KEYS = frozenset({"languages", "translates_to", "max_utterance_s", "sizes"})
_SHORTEST_S = 2.0
_LONGEST_S = 28.0
"""Of the 30 s that Gemma 3n takes as one: where an utterance is cut there is some more."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Languages that are recognised and translated to, by ISO 639-1 code, and sizes by name; None is any language.

    `max_utterance_s` is the longest speech that it was trained on in one piece: longer speech is cut for it.
    """

    languages: frozenset[str] | None = None
    translates_to: frozenset[str] | None = None
    max_utterance_s: float = _LONGEST_S
    sizes: Mapping[str, Size] = field(default_factory=lambda: PRESETS)

    @classmethod
    def read(cls, folder: Path) -> Capabilities:
        """Those of a checkpoint folder, all where it says nothing; raises ModelError for a file that is damaged."""
        path = folder / NAME
        try:
            data = read_json(path, _LARGEST_FILE)
            if not data.keys() <= _KEYS:
                raise ValueError(f"it holds no object of {', '.join(sorted(_KEYS))}")
            return cls(
                _codes(data.get("languages")),
                _codes(data.get("translates_to")),
                _length(data.get("max_utterance_s", _LONGEST_S)),
                _sizes(data["sizes"], path) if "sizes" in data else PRESETS,
            )
        except FileNotFoundError:
            return cls()
        except (ValueError, RecursionError, UsageError) as error:
            raise ModelError(
                f"'{path}' is not valid: {Unreadable(error)}.", "Copy or download the model again."
            ) from error

    def write(self, folder: Path) -> None:
        """Write the file into a checkpoint folder."""
        sizes = {name: {"ffn": size.ffn, "skip": list(size.skip)} for name, size in self.sizes.items()}
        data = {
            "languages": sorted(self.languages) if self.languages is not None else None,
            "translates_to": sorted(self.translates_to) if self.translates_to is not None else None,
            "max_utterance_s": self.max_utterance_s,
            "sizes": sizes,
        }
        (folder / NAME).write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def _codes(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        raise ValueError(f"{value!r} is not a list of languages")
    return frozenset(value)


def _length(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _SHORTEST_S <= value <= _LONGEST_S:
        raise ValueError(f"max_utterance_s is {value!r}, and not a number from {_SHORTEST_S:g} to {_LONGEST_S:g}")
    return float(value)


def _sizes(value: object, path: Path) -> dict[str, Size]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table of sizes")
    return {name: Size.parse(name, data, path) for name, data in value.items()}
