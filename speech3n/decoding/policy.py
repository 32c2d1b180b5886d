"""When recognised text becomes final: committed words never change, tentative ones may.

LocalAgreement-2 is from Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and
Translation by Partial Hypothesis Selection" (Interspeech 2020).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from speech3n.types import Hypothesis, Word

T = TypeVar("T")

_PUNCTUATION = ".,;:!?…-'\"’”»)"
_SHORTEST_REST = 3
_RESUME_WORDS = 3
"""How many committed words are compared with a new hypothesis to find where it goes on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All words of a segment and of its translation so far: committed ones never change, tentative ones may."""

    committed: tuple[Word, ...] = ()
    tentative: tuple[Word, ...] = ()
    translation_committed: tuple[str, ...] = ()
    translation_tentative: tuple[str, ...] = ()


class Policy(Protocol):
    """Decides what of each new hypothesis of a segment is final; one object serves one segment."""

    def update(self, hypothesis: Hypothesis, is_final: bool) -> Decision:
        """Take the newest hypothesis; what an earlier Decision committed stands first in the new one."""
        ...


class LocalAgreement:
    """Commits the words on which two successive hypotheses agree.

    A word that ends within `holdback_s` of the newest audio waits: there recognisers make up words
    of which they have half the audio, and the same ones twice.
    """

    def __init__(self, holdback_s: float = 0.0) -> None:
        self._holdback_s = holdback_s
        self._words = _Agreement[Word](lambda word: normalize_word(word.text), _rest_of_word)
        self._translation = _Agreement[str](normalize_word, _rest_of_text)

    def update(self, hypothesis: Hypothesis, is_final: bool) -> Decision:
        """Commit what the last two hypotheses share; with `is_final` everything."""
        settled = hypothesis.audio_s - self._holdback_s
        self._words.advance(hypothesis.words, is_final, lambda word: word.end <= settled)
        if hypothesis.translation is not None:
            self._translation.advance(hypothesis.translation, is_final, lambda _: True)
        elif is_final:
            self._translation.finish()
        return Decision(
            committed=tuple(self._words.committed),
            tentative=tuple(self._words.tentative),
            translation_committed=tuple(self._translation.committed),
            translation_tentative=tuple(self._translation.tentative),
        )


class _Agreement(Generic[T]):
    """An append-only list of agreed items and the tentative rest of the newest hypothesis."""

    def __init__(self, key: Callable[[T], str], rest_of: Callable[[T, T], T | None]) -> None:
        """`key` says what is the same; `rest_of(new, committed)` what `new` has beyond a committed beginning of it."""
        self._key = key
        self._rest_of = rest_of
        self.committed: list[T] = []
        self.tentative: Sequence[T] = ()

    def advance(self, items: Sequence[T], is_final: bool, is_settled: Callable[[T], bool]) -> None:
        start = self._resume(items)
        rest = list(items[start:])
        if start and self.committed:
            unsaid = self._rest_of(items[start - 1], self.committed[-1])
            rest = [*([] if unsaid is None else [unsaid]), *rest]
        agreed = len(rest) if is_final else self._agreed(rest, is_settled)
        self.committed.extend(rest[:agreed])
        self.tentative = rest[agreed:]

    def finish(self) -> None:
        self.committed.extend(self.tentative)
        self.tentative = ()

    def _resume(self, items: Sequence[T]) -> int:
        """Where in `items` the committed ones end: recognisers insert and drop words in what is committed, too."""
        count = len(self.committed)
        tail = [self._key(item) for item in self.committed[-_RESUME_WORDS:]]
        if not tail:
            return 0

        def agreement(end: int) -> tuple[int, int]:
            keys = [self._key(item) for item in items[max(0, end - len(tail)) : end]]
            return sum(a == b for a, b in zip(reversed(keys), reversed(tail), strict=False)), -abs(end - count)

        return max(
            range(max(0, count - _RESUME_WORDS), min(len(items), count + _RESUME_WORDS) + 1),
            key=agreement,
            default=len(items),
        )

    def _agreed(self, rest: Sequence[T], is_settled: Callable[[T], bool]) -> int:
        count = 0
        for new, old in zip(rest, self.tentative, strict=False):
            if self._key(new) != self._key(old) or not is_settled(new):
                break
            count += 1
        return count


def _rest_of_text(new: str, committed: str) -> str | None:
    """What a word that was committed by half goes on with, such as `asterisk.org` after `www.`; None for endings."""
    stem = committed.rstrip(_PUNCTUATION)
    rest = new[len(stem) :].strip(_PUNCTUATION)
    return rest if new.casefold().startswith(stem.casefold()) and len(rest) >= _SHORTEST_REST else None


def _rest_of_word(new: Word, committed: Word) -> Word | None:
    rest = _rest_of_text(new.text, committed.text)
    return None if rest is None else Word(rest, min(committed.end, new.end), new.end, new.confidence)


def normalize_word(text: str) -> str:
    """What counts as the same word in two hypotheses: case and surrounding punctuation do not."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if not unicodedata.category(char).startswith(("P", "S"))) or folded
