"""What a set is made of: recordings with what is said in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with what is said in it; `translation_en` is None where there is no English reference.

    `fields` is what else a set tells of the clip, by the names that the set has for it: gender, accents, split.
    """

    audio: Path
    language: str
    text: str
    duration_s: float
    translation_en: str | None = None
    source: str = ""
    speaker: str = ""
    license: str = ""
    reference: str = ""
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)


def languages(clips: Iterable[Clip]) -> list[str]:
    """The languages of the clips, in `language_order`."""
    return sorted({clip.language for clip in clips}, key=language_order)


def language_order(code: str) -> tuple[bool, str]:
    """A sort key: English first, the others by code."""
    return code != "en", code
