"""Model names to engines."""

from pathlib import Path

import pytest

from speech3n.engines.registry import open_engine
from speech3n.errors import ModelError, UsageError
from speech3n.languages import language_name, parse_language


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="whisper-base"):
        open_engine("wisper-base")


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.bin"):
        open_engine(str(tmp_path))


def test_a_damaged_model_is_an_error_not_a_crash(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_engine(str(tmp_path))


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
