"""What a text sounds like: the phonemes of espeak-ng, one alphabet for all five languages.

A sound is written in many ways: letters have to be learned word by word in English and French, phonemes have not, and
what one language teaches of them serves the others. How words are written is left to the decoder, which learns it
from sentences that nobody needs to say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from speech3n.training.nano.synthesis.espeak import espeak

BLANK = 0
_PHONES = " aesotnilkmdpɾrɛʊə\u0303uɪzvjɔæðɹwfʁŋybAɑɡʧʤːɐIβʒʌʃxWOhɲɣʦœᵊɜøʎθʝʣYQ"
"""As `Espeak` writes them: a capital is a diphthong, a tilde belongs to the vowel before it."""
SYMBOLS = len(_PHONES) + 1
_NUMBERS = {phone: number for number, phone in enumerate(_PHONES, 1)}
_SPELLING = str.maketrans({"ᵻ": "ɪ", "ɒ": "ɑ", "ˈ": None, "ˌ": None})
_SILENT = re.compile(r"[;:,.!?—…\"“”()\s]+")
_WORD = re.compile(r"\S+")
_ACCENTS = {"en": "en-US", "es": "es-419", "fr": "fr", "it": "it", "pt": "pt-BR"}
"""Of the texts; where accents differ, the one that takes fewer phonemes apart."""
_REMEMBERED = 20_000
"""Texts whose phonemes are kept, about a kilobyte each: more than there are clips, far fewer than sentences."""


@dataclass(frozen=True, slots=True)
class Phonemes:
    """The phonemes of a text, 1 to SYMBOLS - 1.

    `before[i]` is how many of them come before its character i; the last entry, before its end, counts all.
    """

    ids: tuple[int, ...]
    before: tuple[int, ...]

    def followed_by(self, other: Phonemes) -> Phonemes:
        """Of this text, a space and another; of one alone where the other has no sound."""
        if not self.ids or not other.ids:
            return self if self.ids else other
        first = len(self.ids) + 1
        return Phonemes(
            (*self.ids, _NUMBERS[" "], *other.ids), (*self.before, *(first + count for count in other.before))
        )


@functools.lru_cache(maxsize=_REMEMBERED)
def phonemize(text: str, language: str) -> Phonemes:
    """The phonemes of a text in one of the five languages; raises ModelError where espeak-ng is missing."""
    spoken = espeak().phonemes(text, _ACCENTS[language]) if text.strip() else ""
    return _align(text, spoken)


def collapse_ctc(symbols: Sequence[int]) -> str:
    """The phonemes of the best symbol of each frame (greedy CTC decoding): runs are one, blanks none."""
    pairs = zip([BLANK, *symbols], symbols, strict=False)
    said = [_PHONES[now - 1] for before, now in pairs if now not in (before, BLANK)]
    return " ".join("".join(said).split())


def phoneme_text(phonemes: Sequence[int]) -> str:
    """Phonemes as text."""
    return "".join(_PHONES[phone - 1] for phone in phonemes)


def _align(text: str, spoken: str) -> Phonemes:
    words = _SILENT.sub(" ", spoken.translate(_SPELLING)).split()
    numbers = [[_NUMBERS[symbol] for symbol in word if symbol in _NUMBERS] for word in words]
    phonemes = [phone for word in numbers for phone in (*word, _NUMBERS[" "])][:-1]
    places = [match.span() for match in _WORD.finditer(text) if any(letter.isalnum() for letter in match.group())]
    if len(places) != len(numbers):
        # Some words are said as one, or one as several.
        return Phonemes(
            tuple(phonemes), tuple(index * len(phonemes) // max(1, len(text)) for index in range(len(text) + 1))
        )
    before = [0] * (len(text) + 1)
    first = 0
    for (begin, end), word in zip(places, numbers, strict=True):
        for index in range(begin, end):
            before[index] = first + (index - begin) * len(word) // (end - begin)
        # What follows a word, up to the next one, comes after its last phoneme.
        before[end:] = [min(first + len(word), len(phonemes))] * (len(before) - end)
        first += len(word) + 1
    return Phonemes(tuple(phonemes), tuple(before))
