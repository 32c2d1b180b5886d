"""Search as readers expect it: `manana` finds `Mañana`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator


class _Folding(dict[int, str]):
    """Characters to their base letter in lower case, one to one, so that positions stay what they are."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFD", chr(code))[0].casefold()[:1] or chr(code)
        self[code] = base
        return base


_FOLDING = _Folding()


def folded(text: str) -> str:
    """A text of the same length without case and accents."""
    return text.translate(_FOLDING)


def places(text: str, query: str) -> Iterator[tuple[int, int]]:
    """Where the folded `query` is in a text, as ranges of characters that do not overlap."""
    text = folded(text)
    position = text.find(query) if query else -1
    while position >= 0:
        yield position, position + len(query)
        position = text.find(query, position + len(query))
