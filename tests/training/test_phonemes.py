"""Texts as they sound: phonemes of one alphabet, and which of them stand for which letters."""

from __future__ import annotations

import pytest

from speech3n.training.nano.phonemes import SYMBOLS, collapse_ctc, phoneme_text, phonemize


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("I knew, you know?", "en", "I nu ju nO"),
        ("¿Dónde está el zapato?", "es", "donde esta el sapato"),
        ("Il n’est pas de la maison.", "fr", "il nɛ pa də la mɛzɔ\u0303"),
        ("Perché no?", "it", "perke nɔ"),
        ("O coração dele.", "pt", None),
        ("", "it", ""),
        (" … ", "en", ""),
    ],
)
def test_letters_that_are_not_said_have_no_sound(text: str, language: str, expected: str | None) -> None:
    phonemes = phonemize(text, language)
    assert expected is None or phoneme_text(phonemes.ids) == expected
    assert all(0 < phone < SYMBOLS for phone in phonemes.ids)
    assert list(phonemes.before) == sorted(phonemes.before)
    assert len(phonemes.before) == len(text) + 1
    assert phonemes.before[-1] == len(phonemes.ids)
    frames = [symbol for phone in phonemes.ids for symbol in (phone, phone, 0)]
    assert collapse_ctc(frames) == phoneme_text(phonemes.ids)


def test_letters_are_found_among_the_sounds() -> None:
    text = "Ciao a tutti quanti, belli."
    phonemes = phonemize(text, "it")
    for word, said in {"Ciao": "ʧao", "tutti": "tutːɪ", "quanti,": "kwantɪ", "belli.": "bɛllɪ"}.items():
        begin = text.index(word)
        assert phoneme_text(phonemes.ids[phonemes.before[begin] : phonemes.before[begin + len(word)]]) == said


def test_words_that_are_said_as_one_are_found_nearly() -> None:
    text = "You are one of the best."
    phonemes = phonemize(text, "en")
    said = phoneme_text(phonemes.ids)
    assert len(said.split()) < len(text.split())
    assert abs(said.index("bɛst") - phonemes.before[text.index("best")]) <= 3


def test_a_text_sounds_the_same_after_others_in_other_languages() -> None:
    first = phonemize("Gracias, zorro.", "es")
    phonemize.cache_clear()
    for language in ("en", "fr", "it", "pt", "es"):
        again = phonemize("Gracias, zorro.", language)
    assert again == first
    assert "θ" not in phoneme_text(first.ids)
