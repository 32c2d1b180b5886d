"""Texts as they sound: phonemes of one alphabet, and which of them stand for which letters."""

from __future__ import annotations

import pytest

from speech3n.training.nano.phonemes import SYMBOLS, pronounce, read_out, written


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
    sounds = pronounce(text, language)
    assert expected is None or written(sounds.phones) == expected
    assert all(0 < phone < SYMBOLS for phone in sounds.phones)
    assert list(sounds.before) == sorted(sounds.before)
    assert len(sounds.before) == len(text) + 1
    assert sounds.before[-1] == len(sounds.phones)
    frames = [symbol for phone in sounds.phones for symbol in (phone, phone, 0)]
    assert read_out(frames) == written(sounds.phones)


def test_letters_are_found_among_the_sounds() -> None:
    text = "Ciao a tutti quanti, belli."
    sounds = pronounce(text, "it")
    for word, said in {"Ciao": "ʧao", "tutti": "tutːɪ", "quanti,": "kwantɪ", "belli.": "bɛllɪ"}.items():
        begin = text.index(word)
        assert written(sounds.phones[sounds.before[begin] : sounds.before[begin + len(word)]]) == said


def test_words_that_are_said_as_one_are_found_nearly() -> None:
    text = "You are one of the best."
    sounds = pronounce(text, "en")
    said = written(sounds.phones)
    assert len(said.split()) < len(text.split())
    assert abs(said.index("bɛst") - sounds.before[text.index("best")]) <= 3


def test_a_text_sounds_the_same_after_others_in_other_languages() -> None:
    first = pronounce("Gracias, zorro.", "es")
    pronounce.cache_clear()
    for language in ("en", "fr", "it", "pt", "es"):
        again = pronounce("Gracias, zorro.", language)
    assert again == first
    assert "θ" not in written(first.phones)
