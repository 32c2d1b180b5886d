"""Giving the words of one long output to the sentences of its reference, by alignment.

The algorithm is SoftSegmenter's (Polák et al. 2025, Better Late Than Never, arXiv:2509.17349, and OmniSTEval): the
alignment of all reference words with all output words, gaps free, that has the greatest sum of similarities. Two words
are as similar as their sets of characters (Jaccard index), so that endings and spelling do not matter much, and
for languages that are compared character by character it asks for equality. Punctuation standing alone never
aligns with a word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MATCH, _DELETE, _INSERT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Similarities:
    """How alike reference words and output words are; words that occur often are compared once.

    `table` holds 0..1, or -inf for punctuation and a word, shape [distinct reference words, distinct words].
    """

    table: NDArray[np.float64]
    rows: list[int]
    columns: list[int]

    def of(self, reference: int, word: int) -> float:
        """The similarity of reference word and word, by their positions."""
        return float(self.table[self.rows[reference], self.columns[word]])


def assign_words(words: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """The index of the reference to which each word belongs, never decreasing.

    A word that aligns with no reference word goes with the word before it, until one is more like the next aligned
    reference word: that one and those after it belong there. Before the first aligned one all go with it (OmniSTEval
    0.1.10 drops punctuation there). Memory and time are of the order of words times reference words: 10,000 of each,
    an hour of speech, take some seconds and 250 MB. Raises ValueError without references.
    """
    if not references:
        raise ValueError("there are no references to give the words to")
    owners = [index for index, sentence in enumerate(references) for _ in sentence]
    if not owners or not words:
        return [0] * len(words)
    similarities = _similarities([word for sentence in references for word in sentence], words)
    return _owners_of_words(_align(similarities), similarities, owners)


def _owners_of_words(
    aligned: Sequence[tuple[int | None, int | None]], similarities: _Similarities, owners: Sequence[int]
) -> list[int]:
    following: list[int | None] = []
    upcoming: int | None = None
    for reference, _ in reversed(aligned):
        upcoming = upcoming if reference is None else reference
        following.append(upcoming)

    found: list[int] = []
    last: int | None = None
    joins_next = False
    for (reference, word), upcoming in zip(aligned, reversed(following), strict=True):
        if reference is not None:
            last, joins_next = reference, False
        if word is None:
            continue
        if reference is None and not joins_next:
            joins_next = last is None or (
                upcoming is not None and similarities.of(upcoming, word) > similarities.of(last, word)
            )
        owner = upcoming if joins_next else last
        assert owner is not None, "where there are reference words, one comes before or after"
        found.append(owners[owner])
    return found


def _align(similarities: _Similarities) -> list[tuple[int | None, int | None]]:
    """Pairs (reference word, word) in order, None for a gap; ties go to a pair, then to a gap in the words.

    Gaps are free, so the best score of a prefix is a running maximum: a row of the table is computed at once.
    """
    steps = np.full((len(similarities.rows) + 1, len(similarities.columns) + 1), _INSERT, np.uint8)
    steps[1:, 0] = _DELETE
    above = np.zeros(len(similarities.columns) + 1)
    for index, row in enumerate(similarities.rows, start=1):
        match = above[:-1] + similarities.table[row, similarities.columns]
        best = np.concatenate([[0.0], np.maximum.accumulate(np.maximum(match, above[1:]))])
        gap = np.where(above[1:] >= best[:-1], _DELETE, _INSERT)
        steps[index, 1:] = np.where(match >= np.maximum(above[1:], best[:-1]), _MATCH, gap)
        above = best
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(similarities.rows), len(similarities.columns)
    while i or j:
        step = int(steps[i, j])
        i -= int(step != _INSERT)
        j -= int(step != _DELETE)
        pairs.append((None if step == _INSERT else i, None if step == _DELETE else j))
    return pairs[::-1]


def _similarities(reference: Sequence[str], words: Sequence[str]) -> _Similarities:
    row_of, rows = _distinct(reference)
    column_of, columns = _distinct(words)
    character_of = {character: index for index, character in enumerate(sorted(set("".join([*row_of, *column_of]))))}
    a, b = _characters(row_of, character_of), _characters(column_of, character_of)
    shared = a @ b.T
    either = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :] - shared
    table = shared / np.maximum(either, 1.0)
    is_mark = [np.array([_is_punctuation(word) for word in distinct]) for distinct in (row_of, column_of)]
    table[is_mark[0][:, None] != is_mark[1][None, :]] = -np.inf
    return _Similarities(table, rows, columns)


def _distinct(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different words, case aside, and which of them each word is."""
    folded = [unicodedata.normalize("NFKC", word).lower() for word in words]
    index = {word: number for number, word in enumerate(dict.fromkeys(folded))}
    return list(index), [index[word] for word in folded]


def _characters(words: Sequence[str], character_of: Mapping[str, int]) -> NDArray[np.float64]:
    """Which characters each word has, as 0 and 1, shape [words, characters]."""
    table = np.zeros((len(words), len(character_of)))
    for number, word in enumerate(words):
        table[number, [character_of[character] for character in word]] = 1.0
    return table


def _is_punctuation(word: str) -> bool:
    return bool(word) and all(unicodedata.category(character).startswith("P") for character in word)
