"""How search compares text: case and accents do not matter, and every character stays where it is."""

from __future__ import annotations

import unicodedata


class _Folding(dict[int, str]):
    """A translation table that grows with the characters it meets."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFKD", chr(code))[0]
        folded = self[code] = base.casefold()[0]
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """The text as search compares it, of the same length: `Número` becomes `numero`."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def places(folded: str, query: str) -> list[tuple[int, int]]:
    """Where a folded text holds a folded query: (start, end) in characters, none overlapping another."""
    found: list[tuple[int, int]] = []
    position = folded.find(query) if query else -1
    while position >= 0:
        found.append((position, position + len(query)))
        position = folded.find(query, position + len(query))
    return found
