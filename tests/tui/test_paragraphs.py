"""Segments flow into paragraphs and text that was shown does not jump."""

from __future__ import annotations

from dataclasses import replace

from speech3n.tui.paragraphs import Script
from speech3n.types import Segment, Word
from tests.tui.scripted import update


def segment(number: int, start: float, text: str, language: str = "es", translation: str | None = None) -> Segment:
    return Segment(number, start, start + 2.0, text, (), language, translation)


def texts(script: Script) -> list[str]:
    return [paragraph.source.text for paragraph in (*script.closed, *script.tail)]


def test_what_follows_soon_goes_on_and_a_pause_begins_anew() -> None:
    script = Script()
    script.add(segment(0, 0.0, "Uno."))
    script.add(segment(1, 2.5, "Dos."))
    script.add(segment(2, 9.0, "Tres."))
    assert texts(script) == ["Uno. Dos.", "Tres."]


def test_a_translation_is_joined_as_its_language_writes_it() -> None:
    script = Script()
    script.add(replace(segment(0, 0.0, "Uno.", translation="一つ。"), target_language="ja"))
    now = replace(update(1, "dos", "tres", ("二", "つ"), start=2.5), target_language="ja")
    script.update(now)
    (paragraph,) = script.tail
    assert paragraph.translation.text == "一つ。二つ"
    assert paragraph.translation.committed == len("一つ。二")


def test_long_speech_breaks_at_a_sentence() -> None:
    script = Script()
    for number in range(12):
        script.add(segment(number, 2.0 * number, "una frase que no acaba aquí," if number % 3 else "y aquí sí acaba."))
    assert len(texts(script)) > 1
    assert all(text.endswith(".") for text in texts(script)[:-1])


def test_speech_without_a_sentence_end_breaks_all_the_same() -> None:
    script = Script()
    for number in range(60):
        script.add(segment(number, 2.0 * number, "palabras y más palabras sin fin"))
    assert max(map(len, texts(script))) < 600


def test_an_update_becomes_its_segment_in_place() -> None:
    script = Script()
    script.add(segment(0, 0.0, "Uno."))
    script.update(update(1, "dos", "tres", start=2.5))
    (joined,) = script.tail
    assert joined.source.text == "Uno. dos tres"
    assert joined.source.text[: joined.source.committed] == "Uno. dos"
    assert joined.is_live
    # The first word moved away from the segment before: the decision to go on with it stays.
    script.update(update(1, "dos", "tres", start=5.0))
    assert len(script.tail) == 1
    script.add(segment(1, 5.0, "dos tres."))
    assert texts(script) == ["Uno. dos tres."]
    assert not script.tail[0].is_live


def test_an_update_without_words_shows_nothing() -> None:
    script = Script()
    script.update(update(0, "", "quizá", start=0.0))
    script.update(update(0, "", "", start=0.0))
    assert script.tail == ()


def test_a_change_of_language_begins_a_paragraph_and_is_named() -> None:
    script = Script(tags=True)
    script.add(segment(0, 0.0, "Uno.", "es"))
    script.add(segment(1, 2.5, "Two.", "en"))
    script.add(segment(2, 5.0, "Three.", "en"))
    assert [paragraph.tag for paragraph in (*script.closed, *script.tail)] == ["es", "en"]
    assert texts(script) == ["Uno.", "Two. Three."]


def test_a_chosen_language_needs_no_tag() -> None:
    script = Script()
    script.add(segment(0, 0.0, "Uno.", "es"))
    assert script.tail[0].tag == ""


def test_english_is_not_shown_twice() -> None:
    script = Script()
    script.add(segment(0, 0.0, "One.", "en", "One."))
    assert script.tail[0].translation.text == ""


def test_chinese_is_joined_without_spaces() -> None:
    script = Script()
    script.add(Segment(0, 0.0, 1.0, "今天", (), "zh"))
    script.add(Segment(1, 1.2, 2.0, "很好", (Word("很好", 1.2, 2.0, 0.9),), "zh"))
    assert texts(script) == ["今天很好"]
