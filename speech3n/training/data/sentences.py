"""Sentences to speak: read from lists, held apart from what is measured on, drawn by a seed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from speech3n.errors import StorageError, UsageError
from speech3n.runtime.untrusted import Text, Unreadable, convert, parse_object
from speech3n.training.data.manifest import ManifestError, read_lines

TARGET = "en"
_SPOKEN = re.compile(r"[^\W\d_]+(?:[-'’ ,.;:!?…«»\"“”¿¡—]+[^\W\d_]+)*[ .!?…»\"”]*")
"""Letters and the punctuation of prose: digits and symbols are spoken in ways that the text does not show."""
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|[MD]rs?|M[ms]e?|Mlle|Sr|Sra|Dott|Prof|St|vs|etc|ecc|ex|No)\.(?=\s|$)")
_SHOUTED = re.compile(r"\b[A-ZÀ-Þ]{2,}|[a-zà-þ][A-ZÀ-Þ]")
"""Acronyms, and names of programs' parts such as FileNumber."""
_LONGEST_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said in `language`; `variant` is that of the text, such as pt-PT, and `source` where it is from."""

    text: str
    translation_en: str | None
    language: str
    variant: str
    source: str


class _Spoken(msgspec.Struct):
    """What a line of a manifest says."""

    text: Text
    translation_en: Text | None = None


def read_sentences(folder: Path, language: str, reserved: frozenset[str] = frozenset()) -> list[Sentence]:
    """All that can be spoken of the lists of a language; raises UsageError where there are none.

    `<lang>-en.tsv` holds sentence, English, variant, source; `mono.<lang>.txt` sentence, variant, source; `en.txt`
    sentence, source. Sentences whose `fingerprint`, or whose translation's, is in `reserved` are left out.
    """
    found: dict[str, Sentence] = {}
    for sentence in _listed(folder, language):
        prints = {fingerprint(sentence.text), fingerprint(sentence.translation_en or sentence.text)}
        if can_be_spoken(sentence.text) and not prints & reserved:
            found.setdefault(fingerprint(sentence.text), sentence)
    if not found:
        raise UsageError(f"'{folder}' has no sentences in '{language}'.", "It needs <language>-en.tsv, or en.txt.")
    return list(found.values())


def reserved_texts(paths: Iterable[Path]) -> frozenset[str]:
    """Fingerprints of what must not be spoken: first and second columns of lists, texts of manifests (.jsonl)."""
    texts: list[str] = []
    for path in paths:
        for line in _lines(path):
            if path.suffix == ".jsonl":
                try:
                    entry = convert(parse_object(line), _Spoken)
                except Unreadable as error:
                    raise StorageError(f"'{path}' is no manifest: {error}.", "Give manifests and lists.") from error
                texts += [entry.text, entry.translation_en or ""]
            else:
                texts += line.split("\t")[:2]
    return frozenset(fingerprint(text) for text in texts) - {""}


def fingerprint(text: str) -> str:
    """The text without what does not change its sound: case, punctuation, spaces."""
    return " ".join(re.findall(r"\w+", text.lower()))


def can_be_spoken(text: str) -> bool:
    """Whether a synthesiser says what is written: prose without digits, symbols, abbreviations and acronyms."""
    plain = text.strip().lstrip('¿¡«"“ ')
    if len(plain) > _LONGEST_CHARACTERS or not _SPOKEN.fullmatch(plain):
        return False
    return not _ABBREVIATION.search(plain) and not _SHOUTED.search(plain)


def draw_sentences(sentences: Sequence[Sentence], seed: int, number: int, size: int) -> list[Sentence]:
    """Draw number `number` of `size` sentences: none comes twice before all have come, whatever the seed."""
    draws = max(1, len(sentences) // size)
    round_, place = divmod(number, draws)
    order = np.random.default_rng([seed, round_]).permutation(len(sentences))
    return [sentences[index] for index in order[place * size : (place + 1) * size]]


def _listed(folder: Path, language: str) -> Iterator[Sentence]:
    if language == TARGET:
        for line in _lines(folder / f"{TARGET}.txt"):
            text, source = _cells(folder / f"{TARGET}.txt", line, 2)
            yield Sentence(text, None, language, language, source)
        return
    for line in _lines(folder / f"{language}-{TARGET}.tsv"):
        text, translation, variant, source = _cells(folder / f"{language}-{TARGET}.tsv", line, 4)
        yield Sentence(text, translation, language, variant, source)
    alone = folder / f"mono.{language}.txt"
    if alone.is_file():
        for line in _lines(alone):
            text, variant, _ = _cells(alone, line, 3)
            yield Sentence(text, None, language, variant, "mono")


def _cells(path: Path, line: str, count: int) -> list[str]:
    """The first cells of a line; raises StorageError where it has fewer."""
    cells = line.split("\t")[:count]
    if len(cells) < count:
        raise StorageError(
            f"'{path}' has a line with {len(cells)} columns instead of {count}.", "Separate them by tabs."
        )
    return cells


def _lines(path: Path) -> list[str]:
    try:
        return [line for _, line in read_lines(path)]
    except ManifestError as error:
        raise StorageError(error.message, "Give the folder with the lists.") from error
