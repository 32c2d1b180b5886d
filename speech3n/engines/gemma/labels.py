"""What a model writes before a part of its answer: `English:`, `**Translation:**`, `Here is the transcription:`.

A label is matched whole, and told apart from text that only begins like one: while an answer grows, what
may still become a label belongs neither to the transcript nor to the translation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache


class Part(Enum):
    """What a label announces."""

    SOURCE = auto()
    """The transcript."""
    TARGET = auto()
    """The translation."""
    REMARK = auto()
    """What the model has to say about it; nobody said or asked for it."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the start of a line, and the rest of the line.

    `opened` is the markdown or bracket around both of them, as in `**English: hello**`.
    """

    part: Part
    rest: str
    opened: str = ""


_SOURCE_WORDS = ("transcription", "transcript", "transcribed text", "original", "original text", "source text")
_TARGET_WORDS = ("translation", "translated text")
_REMARK_WORDS = ("note", "notes", "explanation", "remark", "remarks", "comment", "literal translation", "literally")
_AFTER_SOURCE = ("", " transcription", " transcript", " text", " original")
_AFTER_TARGET = ("", " translation", " text")
_YES = ("", "sure", "okay", "ok", "certainly", "of course")
_HERE = ("here is", "here's", "here’s", "here are", "this is")
_WHOSE = ("the", "your", "a")
_HEADS = tuple(
    f"{yes}{between}{here} {whose} "
    for yes in _YES
    for between in ((", ", "! ", ". ") if yes else ("",))
    for here in _HERE
    for whose in _WHOSE
)
"""How a model begins to say what it is about to write, as in `Sure! Here is the transcription:`."""

# Possessive throughout: a model that loops writes thousands of asterisks, and none of them begins a label.
_DECORATION = r"[\s*_#>•`(\[–—-]*+(?:\d{1,2}[.)]\s*+)?+[\s*_(\[]*+"
_EMPHASIS = r"[\s*_]*+"
_ASIDE = r"(?:\([^()\n]{0,30}\))?"
_COLON = "[:：]"
_HALF_DECORATION = re.compile(r"[\s*_#>•`(\[–—-]*+(?:\d{1,2}(?:[.)]\s*+)?+)?+[\s*_(\[]*+")
_HALF_ASIDE = re.compile(r"\s*\([^()\n]{0,30}\)?\s*$")
_LONGEST_OPENING = 100


class Labels:
    """The labels of one kind of answer: its transcript in one of `languages`, its translation into `target`.

    Both are names as a model writes them (`Spanish`, `español`); `target` is empty where nothing is translated.
    """

    def __init__(self, languages: Collection[str], target: str) -> None:
        names = [name.casefold() for name in languages]
        source = {*_SOURCE_WORDS, *(name + after for name in names for after in _AFTER_SOURCE)}
        source |= {f"{word} in {name}" for word in _SOURCE_WORDS[:3] for name in names}
        self._words = {Part.SOURCE: frozenset(source), Part.REMARK: frozenset(_REMARK_WORDS), Part.TARGET: frozenset()}
        self._announced = {Part.SOURCE: ("trans", *(f"{name} trans" for name in names))}
        if target:
            into = target.casefold()
            words = {*_TARGET_WORDS, *(into + after for after in _AFTER_TARGET)}
            words |= {f"translation {to} {into}" for to in ("in", "to", "into")} | {f"in {into}"}
            self._words[Part.TARGET] = frozenset(words)
            self._announced[Part.TARGET] = ("translation", f"{into} translation")
        self._patterns = {part: _pattern(self._words[part], self._announced.get(part, ())) for part in Part}
        self._bare = {part: re.compile(_bare(self._words[part]), re.IGNORECASE) for part in Part if self._words[part]}

    def match(self, line: str, parts: Iterable[Part]) -> Label | None:
        """The label that `line` begins with, the first of `parts` winning; its colon must have arrived."""
        for part in parts:
            found = self._patterns[part].match(line)
            if found:
                return _label(part, found, line[found.end() :].strip())
        return None

    def match_bare(self, line: str, parts: Iterable[Part]) -> Label | None:
        """The label that `line` is as a whole, without a colon, as in `## Translation`.

        The word alone can as well be what was said; a transcript's must therefore stand out by its markdown.
        """
        for part in parts:
            found = self._bare[part].fullmatch(line) if part in self._bare else None
            if found and (part is not Part.SOURCE or re.search(r"[*_#]", line)):
                return Label(part, "")
        return None

    def may_become(self, line: str, parts: Iterable[Part]) -> bool:
        """Whether more text can make `line`, the newest and unfinished, begin with a label of `parts`."""
        if _HALF_DECORATION.fullmatch(line):
            return True
        start = re.match(_DECORATION, line)
        begun = " ".join(re.sub(r"[*_]", "", line[start.end() if start else 0 :]).split()).casefold()
        word = _HALF_ASIDE.sub("", begun)
        for part in parts:
            if word in self._words[part] or any(known.startswith(begun) for known in self._words[part]):
                return True
            if len(begun) < _LONGEST_OPENING and self._may_announce(begun, part):
                return True
        return False

    def _may_announce(self, begun: str, part: Part) -> bool:
        for head in _HEADS:
            if head.startswith(begun):
                return part in self._announced
            if begun.startswith(head):
                rest = begun[len(head) :]
                return any(rest.startswith(what) or what.startswith(rest) for what in self._announced.get(part, ()))
        return False


@lru_cache(maxsize=32)
def labels_for(languages: frozenset[str], target: str) -> Labels:
    """The labels for these names, made once: every step of a growing answer asks for them."""
    return Labels(languages, target)


def _alternatives(words: Iterable[str]) -> str:
    """A pattern of any of `words`, the longest first, spaces and emphasis free between them."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in ordered)


def _bare(words: Iterable[str]) -> str:
    return f"{_DECORATION}(?:{_alternatives(words)}){_EMPHASIS}{_ASIDE}{_EMPHASIS}[)\\]]?"


def _pattern(words: Collection[str], announced: Collection[str]) -> re.Pattern[str]:
    if not words:
        return re.compile(r"(?!)")
    labels = f"(?:{_alternatives(words)}){_EMPHASIS}{_ASIDE}"
    if announced:
        labels += rf"|(?:{_alternatives(_HEADS)})(?:{_alternatives(announced)})[^:：\n]{{0,{_LONGEST_OPENING}}}"
    return re.compile(f"(?P<before>{_DECORATION})(?P<label>(?:{labels}){_EMPHASIS}{_COLON})", re.IGNORECASE)


def _label(part: Part, found: re.Match[str], rest: str) -> Label:
    """The label, with what was opened before it and is not closed at its colon."""
    if "(" in found["before"]:
        return Label(part, rest, "(")
    if not re.search(r"[*_]", found["before"]) or "*" in found["label"]:
        return Label(part, rest)
    unclosed = rest.lstrip("*_")
    return Label(part, unclosed.strip(), "**" if "**" in found["before"] and unclosed == rest else "")
