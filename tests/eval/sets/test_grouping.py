from dataclasses import replace
from pathlib import Path

import pytest

from speech3n.errors import UsageError
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import group_clips, require_field


def clip(language: str, speaker: str = "", translation: str | None = None) -> Clip:
    return Clip(Path("a.wav"), language, "text", 1.0, speaker=speaker, translation_en=translation)


ROWS = [(clip("it", "Ada"), 1), (clip("en", "Bo"), 2), (clip("it"), 3), (clip("de", "Ada"), 4)]


def test_clips_come_together_in_their_order() -> None:
    assert group_clips(ROWS, "language") == {"en": [2], "de": [4], "it": [1, 3]}


def test_any_field_groups_and_clips_without_a_value_come_last() -> None:
    assert group_clips(ROWS, "speaker") == {"Ada": [1, 4], "Bo": [2], "": [3]}
    assert list(group_clips(ROWS, "speaker")) == ["Ada", "Bo", ""]
    rows = [(clip("es", translation=text), text) for text in (None, "b", None, "a")]
    assert group_clips(rows, "translation_en") == {"a": ["a"], "b": ["b"], "": [None, None]}


def test_fields_of_the_manifest_group_too() -> None:
    rows = [(replace(clip("es"), fields={"accent": "MX"}), 1), (clip("es"), 2)]
    assert group_clips(rows, "accent") == {"MX": [1], "": [2]}
    require_field("accent", [row[0] for row in rows])


def test_english_is_first_among_languages_only() -> None:
    rows = [(clip("de", "de"), 1), (clip("en", "en"), 2)]
    assert list(group_clips(rows, "language")) == ["en", "de"]
    assert list(group_clips(rows, "speaker")) == ["de", "en"]


def test_an_unknown_field_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"no field speakers\. Did you mean speaker\?"):
        require_field("speakers", [row[0] for row in ROWS])
    with pytest.raises(UsageError, match="There are: audio, language"):
        require_field("zzz", [])
