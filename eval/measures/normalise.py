"""How texts are made comparable before they are scored; every score names the normaliser behind it.

`whisper-english` and `whisper-basic` are the normalisers of Radford et al. 2022 (Robust Speech Recognition
via Large-Scale Weak Supervision, appendix C), from the package whisper-normalizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+")


@dataclass(frozen=True, slots=True)
class Normaliser:
    """A named rewriting of texts; call it with a text."""

    name: str
    rewrite: Callable[[str], str]

    def __call__(self, text: str) -> str:
        return " ".join(self.rewrite(text).split())


@lru_cache
def whisper_normaliser(language: str) -> Normaliser:
    """Whisper's own: the English one for `en` (spelling, contractions, numbers), the basic one elsewhere."""
    if language == "en":
        from whisper_normalizer.english import EnglishTextNormalizer

        return Normaliser("whisper-english", EnglishTextNormalizer())
    from whisper_normalizer.basic import BasicTextNormalizer

    return Normaliser("whisper-basic", BasicTextNormalizer())


@lru_cache
def plain_normaliser(language: str) -> Normaliser:
    """Insensitive to accents and to whether numbers are written in digits or in words.

    Digits are spelt out (num2words), then Whisper's basic normaliser takes case, punctuation and accents
    away. For `en` it is Whisper's English normaliser, which has both properties: it writes numbers as digits.
    """
    if language == "en":
        return Normaliser("plain", whisper_normaliser("en").rewrite)
    from whisper_normalizer.basic import BasicTextNormalizer

    without_accents = BasicTextNormalizer(remove_diacritics=True)
    return Normaliser("plain", lambda text: without_accents(spell_numbers(text, language)))


def spell_numbers(text: str, language: str) -> str:
    """Write numbers in digits as words of the language: `marque 21` gives `marque veintiuno`.

    Thousands may be grouped (1.234), decimals come after a point or comma (28.8), and numbers with a leading
    zero are read digit by digit. Languages that num2words does not know keep their digits.
    """
    from num2words import CONVERTER_CLASSES

    if language not in CONVERTER_CLASSES:
        return text
    return _NUMBER.sub(lambda match: f" {_spell(match[0], language)} ", text)


def _spell(number: str, language: str) -> str:
    if _THOUSANDS.fullmatch(number):
        return _words(re.sub("[.,]", "", number), language)
    parts = re.split("[.,]", number)
    if len(parts) == 2:
        return _words(".".join(parts), language)
    return " ".join(_words(part, language) for part in parts)


def _words(number: str, language: str) -> str:
    from num2words import num2words

    if len(number) > 1 and number.startswith("0") and "." not in number:
        return " ".join(num2words(int(digit), lang=language) for digit in number)
    try:
        return str(num2words(float(number) if "." in number else int(number), lang=language))
    except (OverflowError, NotImplementedError):
        return " ".join(num2words(int(digit), lang=language) for digit in number if digit != ".")
