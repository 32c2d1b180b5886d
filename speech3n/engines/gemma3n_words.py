"""Words of an answer: how sure the model is of each, and about when it was said.

Gemma 3n tells no times. A word was said before it is first heard of, and after the last moment at which it was not;
within that span, words take time in proportion to their letters. Captions that are updated as people speak are
therefore right to within an update; a file that is read in one go has estimates only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.decoding.policy import comparable
from speech3n.types import Word, is_spaced

_SHORTEST_WORD_S = 0.06


@dataclass(frozen=True, slots=True)
class TokenText:
    """The text of an answer, where each of its tokens ends in it, and their log probabilities."""

    text: str
    ends: tuple[int, ...]
    logprobs: tuple[float, ...]


def split_words(text: str, language: str | None) -> list[str]:
    """The words of a text, or its characters where the language writes no spaces."""
    if is_spaced(language):
        return text.split()
    return [character for character in text if not character.isspace()]


def word_confidences(words: Sequence[str], answer: TokenText) -> list[float]:
    """For each of `words`, which occur in the answer in this order, the geometric mean of its tokens' probabilities."""
    confidences = []
    place = first = 0
    for word in words:
        found = answer.text.find(word, place)
        start = place if found < 0 else found
        place = start + len(word) if found >= 0 else place
        while first < len(answer.ends) - 1 and answer.ends[first] <= start:
            first += 1
        last = first
        while last < len(answer.ends) - 1 and answer.ends[last] < place:
            last += 1
        of_word = answer.logprobs[first : last + 1]
        confidences.append(math.exp(sum(of_word) / len(of_word)) if of_word else 0.0)
    return confidences


class WordClock:
    """Gives the words of a growing utterance their times, from when each was first heard of."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, float, float]] = []
        """What each word of the last hypothesis is, and the span of audio within which it was said."""
        self._last_s = 0.0

    def place(
        self, words: Sequence[str], confidences: Sequence[float], speech: tuple[float, float]
    ) -> tuple[Word, ...]:
        """Words with times, given that someone spoke between the two times of `speech` as far as was heard."""
        begin, now = speech
        spans: list[tuple[str, float, float]] = []
        for index, word in enumerate(words):
            key = comparable(word)
            known = self._seen[index] if index < len(self._seen) and len(spans) == index else None
            if known is None or known[0] != key or (spans and spans[-1][2] > known[2]):
                known = key, max(begin, min(self._last_s, now)), now
            spans.append(known)
        self._seen, self._last_s = spans, now
        return _spread([(start, end) for _, start, end in spans], words, confidences)


def _spread(
    spans: Sequence[tuple[float, float]], words: Sequence[str], confidences: Sequence[float]
) -> tuple[Word, ...]:
    """Divide each span among the words that share it, by their letters."""
    placed: list[Word] = []
    first = 0
    while first < len(words):
        last = first
        while last < len(words) and spans[last] == spans[first]:
            last += 1
        start, end = spans[first]
        # After the end of the sound, words may come that no time is left for.
        start = max(0.0, min(start, end - _SHORTEST_WORD_S * (last - first)))
        letters = sum(len(word) + 1 for word in words[first:last])
        for word, confidence in zip(words[first:last], confidences[first:last], strict=True):
            taken = (end - start) * (len(word) + 1) / letters
            letters -= len(word) + 1
            placed.append(Word(word, round(start, 3), round(start + taken, 3), round(confidence, 3)))
            start += taken
        first = last
    return tuple(placed)
