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
