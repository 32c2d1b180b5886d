"""Words of an answer: how sure the model is of each, and about when it was said.

Gemma 3n tells no times. A word was said before the first hypothesis that holds it, and after the last one that does
not; within that span, words take time in proportion to their letters. A word that takes the place of another takes its
time as well. Captions that are updated as people speak are therefore right to within an update; a file that is read
in one go has estimates only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from speech3n.decoding.policy import normalize_word
from speech3n.types import Word, is_spaced

_SHORTEST_WORD_S = 0.06


@dataclass(frozen=True, slots=True)
class TokenText:
    """The text of an answer, where each of its tokens ends in it, and their log probabilities.

    Tokens that hold parts of one character all end after it.
    """

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
    ends, count = answer.ends, len(answer.ends)
    first = 0
    for start, end in _places(words, answer.text):
        while first < count - 1 and ends[first] <= start:
            first += 1
        last = first
        while last < count - 1 and (ends[last] < end or ends[last + 1] == ends[last]):
            last += 1
        of_word = answer.logprobs[first : last + 1]
        confidences.append(math.exp(sum(of_word) / len(of_word)) if of_word else 0.0)
    return confidences


def _places(words: Sequence[str], text: str) -> Iterator[tuple[int, int]]:
    """Where each word starts and ends in a text that may have labels, markdown or a translation around them."""
    inked = [place for place, character in enumerate(text) if not character.isspace()]
    compact, whole = "".join(text[place] for place in inked), "".join(words)
    ranges = [inked[match.start() : match.end()] for match in re.finditer(re.escape(whole or " "), compact)]
    if ranges:
        # The first of them that does not begin or end inside a word.
        apart = (found for found in ranges if not _is_in_word(text, found[0] - 1, found[-1] + 1))
        place_of = dict(enumerate(next(apart, ranges[0])))
    else:
        blocks = SequenceMatcher(None, compact, whole, autojunk=False).get_matching_blocks()
        place_of = {b + step: inked[a + step] for a, b, size in blocks for step in range(size)}
    letter = end = 0
    for word in words:
        places = [place_of[index] for index in range(letter, letter + len(word)) if index in place_of]
        start, end = (places[0], places[-1] + 1) if places else (end, end)
        letter += len(word)
        yield start, end


def _is_in_word(text: str, before: int, after: int) -> bool:
    return (before >= 0 and text[before].isalnum()) or text[after : after + 1].isalnum()


@dataclass(frozen=True, slots=True)
class _Span:
    """Time that a number of words share; `is_set` where it is the time that one word had before."""

    words: int
    start: float
    end: float
    is_set: bool = False

    @property
    def is_short(self) -> bool:
        return not self.is_set and self.end - self.start < _SHORTEST_WORD_S * self.words

    def joined(self, later: _Span) -> _Span:
        return _Span(self.words + later.words, self.start, max(self.end, later.end))


class WordClock:
    """Gives the words of a growing utterance their times, from the first hypothesis that held each; they keep them."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._times: list[tuple[float, float]] = []
        """What the words of the last hypothesis are, and when they were said."""
        self._last_s = 0.0

    def place(
        self, words: Sequence[str], confidences: Sequence[float], speech: tuple[float, float]
    ) -> tuple[Word, ...]:
        """Words with times, given that someone spoke between the two times of `speech` in the audio so far."""
        begin, now = speech
        keys = [normalize_word(word) for word in words]
        spans = _widened(list(self._spans(keys, max(begin, min(self._last_s, now)), now)))
        self._keys, self._times, self._last_s = keys, [], now
        for span in spans:
            first = len(self._times)
            sizes = [len(word) + 1 for word in words[first : first + span.words]]
            self._times.extend((min(start, now), min(end, now)) for start, end in _shares(span, sizes))
        return tuple(
            Word(word, _in_ms(start), _in_ms(end), round(confidence, 3))
            for word, confidence, (start, end) in zip(words, confidences, self._times, strict=True)
        )

    def _spans(self, keys: Sequence[str], since: float, now: float) -> Iterator[_Span]:
        """When words were said: those that were there, when they were; those in place of others, when those were."""
        times = self._times
        for kind, a, b, c, d in SequenceMatcher(None, self._keys, keys, autojunk=False).get_opcodes():
            if kind == "equal":
                yield from (_Span(1, start, end, is_set=True) for start, end in times[a:b])
            else:
                fresh = max(0, (d - c) - (b - a)) if b == len(times) else 0
                instead = d - c - fresh
                if instead:
                    # What was put between two words has no time of its own.
                    start, end = (times[a][0], times[b - 1][1]) if a < b else (times[a][0],) * 2
                    yield _Span(instead, start, end)
                if fresh:
                    yield _Span(fresh, min(max([since, *(end for _, end in times[-1:])]), now), now)


def _widened(spans: list[_Span]) -> list[_Span]:
    """Spans of which those with too little time for their words share that of their neighbours."""
    wide: list[_Span] = []
    for span in spans:
        wide.append(span)
        while len(wide) > 1 and (wide[-1].is_short or wide[0].is_short):
            wide[-2:] = [wide[-2].joined(wide[-1])]
    if wide and wide[0].is_short:
        # There is nothing to share: the words came after the end of the sound.
        only = wide[0]
        wide[0] = _Span(only.words, max(0.0, only.end - _SHORTEST_WORD_S * only.words), only.end)
    return wide


def _shares(span: _Span, sizes: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Divide a span among its words by their sizes."""
    start, left = span.start, sum(sizes)
    for size in sizes:
        end = start + (span.end - start) * size / left
        yield start, end
        start, left = end, left - size


def _in_ms(seconds: float) -> float:
    """Whole milliseconds, none of which is beyond the end of the audio."""
    return math.floor(seconds * 1000 + 1e-6) / 1000
