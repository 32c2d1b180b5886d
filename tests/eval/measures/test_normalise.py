import pytest

from speech3n.eval.measures.normalise import plain_normaliser, spell_numbers, whisper_normaliser


def test_english_has_whispers_english_normaliser() -> None:
    normaliser = whisper_normaliser("en")
    assert normaliser.name == "whisper-english"
    assert normaliser("Mr. Smith's colour isn't twenty-five!") == "mister smith is color is not 25"


def test_other_languages_have_whispers_basic_normaliser_which_keeps_accents() -> None:
    normaliser = whisper_normaliser("es")
    assert normaliser.name == "whisper-basic"
    assert normaliser("¿Dónde está, [ruido] señor? Marque 1.") == "dónde está señor marque 1"


@pytest.mark.parametrize(
    ("language", "text", "plain"),
    [
        ("es", "Marqué 21, señor.", "marque veintiuno senor"),
        ("fr", "L’été, appuyez sur 3", "l ete appuyez sur trois"),
        ("it", "premere 8 perché", "premere otto perche"),
        ("pt", "São 2 opções", "sao dois opcoes"),
        ("en", "Naïve, press twenty-five", "naive press 25"),
    ],
)
def test_plain_is_blind_to_accents_and_digits(language: str, text: str, plain: str) -> None:
    normaliser = plain_normaliser(language)
    assert (normaliser.name, normaliser(text)) == ("plain", plain)


@pytest.mark.parametrize("language", ["en", "es", "fr", "it", "pt"])
def test_plain_makes_digits_and_words_equal(language: str) -> None:
    from num2words import num2words

    normaliser = plain_normaliser(language)
    assert normaliser("42") == normaliser(num2words(42, lang=language))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.234", "mil doscientos treinta y cuatro"),
        ("1,234", "mil doscientos treinta y cuatro"),
        ("28.8", "veintiocho punto ocho"),
        ("28,8", "veintiocho punto ocho"),
        ("007", "cero cero siete"),
        ("1.2.3", "uno dos tres"),
        ("tecla 7 y 9", "tecla siete y nueve"),
    ],
)
def test_numbers_are_spelt(text: str, words: str) -> None:
    assert " ".join(spell_numbers(text, "es").split()) == words


def test_languages_without_number_words_keep_digits() -> None:
    assert spell_numbers("7", "xx") == "7"


def test_a_number_too_long_to_name_is_read_digit_by_digit() -> None:
    assert spell_numbers("1" * 400, "en").split() == ["one"] * 400
