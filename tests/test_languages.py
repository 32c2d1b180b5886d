"""Languages as people name them."""

from __future__ import annotations

import pytest

from speech3n.errors import UsageError
from speech3n.languages import language_name, parse_language


@pytest.mark.parametrize(
    ("text", "code"),
    [("es", "es"), ("ES", "es"), ("es-MX", "es"), ("pt_BR", "pt"), ("Spanish", "es"), ("french", "fr"), ("auto", None)],
)
def test_languages_by_code_and_name(text: str, code: str | None) -> None:
    assert parse_language(text, {"es", "fr", "pt", "en"}) == code


def test_an_unknown_language_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="spanish"):
        parse_language("spannish", {"es", "fr"})
    with pytest.raises(UsageError, match="such as es"):
        parse_language("q9z", {"es", "fr"})
    assert language_name("pt") == "Portuguese"


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\ud800", "\u5b9a-Å", "-", "\0"])
def test_what_is_no_language_is_unknown_and_has_a_name_all_the_same(text: str) -> None:
    with pytest.raises(UsageError, match="Unknown language") as caught:
        parse_language(text, {"es", "fr"})
    assert len(str(caught.value)) < 2_500
    assert language_name(text)
