from pathlib import Path

import pytest

from eval.datasets import Clip
from eval.grouping import ErrorGroup, error_groups, group_clips
from eval.wer import ErrorCounts
from speech3n.errors import UsageError


def clip(language: str, speaker: str = "", translation: str | None = None) -> Clip:
    return Clip(Path("a.wav"), language, "text", 1.0, speaker=speaker, translation_en=translation)


def errors(hits: int, substitutions: int) -> ErrorCounts:
    return ErrorCounts("plain", hits, substitutions, deletions=0, insertions=0)


ROWS = [
    (clip("it", "Ada"), errors(1, 1)),
    (clip("en", "Bo"), errors(9, 1)),
    (clip("it"), errors(8, 0)),
    (clip("de", "Ada"), errors(0, 0)),
]


def test_rates_are_averaged_over_words_and_not_over_clips() -> None:
    english, german, italian = error_groups(ROWS, "language")
    assert english == ErrorGroup("language", "en", 1, errors(9, 1))
    assert (german.value, german.errors.rate) == ("de", 0.0)
    assert (italian.value, italian.clips, italian.errors) == ("it", 2, errors(9, 1))
    assert italian.errors.rate == pytest.approx(1 / 10)  # the mean of 1/2 and 0/8 would be 1/4


def test_any_field_groups_and_clips_without_a_value_come_last() -> None:
    assert [(group.value, group.clips) for group in error_groups(ROWS, "speaker")] == [("Ada", 2), ("Bo", 1), ("", 1)]
    rows = [(clip("es", translation=text), text) for text in (None, "b", None, "a")]
    assert group_clips(rows, "translation_en") == {"a": ["a"], "b": ["b"], "": [None, None]}


def test_english_is_first_among_languages_only() -> None:
    rows = [(clip("de", "de"), 1), (clip("en", "en"), 2)]
    assert list(group_clips(rows, "language")) == ["en", "de"]
    assert list(group_clips(rows, "speaker")) == ["de", "en"]


def test_no_rows_give_no_groups() -> None:
    assert error_groups([], "source") == []


def test_an_unknown_field_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"no field speakers\. Did you mean speaker\?"):
        error_groups(ROWS, "speakers")
    with pytest.raises(UsageError, match="There are: audio, language"):
        group_clips([], "zzz")
