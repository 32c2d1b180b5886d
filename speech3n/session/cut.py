"""Where to cut speech that has no pause: between two words, at the best place there is."""

from __future__ import annotations

from collections.abc import Sequence

from speech3n.types import Word

_SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")
_CLAUSE_END = (",", ";", ":", "、", "，")
_SENTENCE_BONUS_S = 1.5
_CLAUSE_BONUS_S = 0.5


def words_before_cut(words: Sequence[Word], settled: int, length_s: float) -> int:
    """How many of `words` belong before the cut: at least `settled`, and the later half of `length_s` if it can be.

    A cut is better the longer the silence after its word, and after a sentence or a clause. The last words
    are half spoken and stay out; 0 means that there is no place between two words.
    """
    latest = max(settled, len(words) - 2)
    places = [
        count
        for count in range(max(1, settled), latest + 1)
        if count < len(words) and words[count - 1].end >= length_s / 2
    ]
    if not places:
        return settled if settled < len(words) else 0
    return max(places, key=lambda count: _quality(words[count - 1], words[count]))


def _quality(before: Word, after: Word) -> float:
    bonus = 0.0
    if before.text.endswith(_SENTENCE_END):
        bonus = _SENTENCE_BONUS_S
    elif before.text.endswith(_CLAUSE_END):
        bonus = _CLAUSE_BONUS_S
    return max(0.0, after.start - before.end) + bonus
