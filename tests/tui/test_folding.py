"""Lines fit, lose nothing, and know which text they show."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from speech3n.tui.folding import Frame, clock, fold
from speech3n.tui.paragraphs import Block, Paragraph

TEXT = "Hace veinte años, en este mismo valle, el río llegaba hasta el mar todos los meses del año."
TRANSLATION = "Twenty years ago, in this very valley, the river reached the sea every month of the year."


def paragraph(text: str = TEXT, translation: str = "", tag: str = "") -> Paragraph:
    return Paragraph(62.0, 66.0, Block(text, len(text)), Block(translation, len(translation)), "es", tag)


@given(st.text(st.sampled_from("ab éñ日本。、\u0301xyz ")), st.integers(4, 40))
@example(" aaaa", 4)
@example(" 日本", 4)
@example("      a", 4)
def test_lines_fit_and_lose_only_spaces(text: str, width: int) -> None:
    lines = [text[first:last] for first, last in fold(text, width)]
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_stay_whole() -> None:
    lines = [TEXT[first:last] for first, last in fold(TEXT, 30)]
    assert all(cell_len(line) <= 30 for line in lines)
    assert " ".join(lines) == TEXT


def test_an_overlong_word_is_broken() -> None:
    assert [len("x" * 50) and last - first for first, last in fold("x" * 50, 20)] == [20, 20, 10]


def test_japanese_breaks_between_characters_but_not_before_a_full_stop() -> None:
    text = "今日は天気がいいですね。散歩"
    lines = [text[first:last] for first, last in fold(text, 22)]
    assert lines == ["今日は天気がいいです", "ね。散歩"]


@pytest.mark.parametrize("width", [12, 40, 59, 60, 80, 99, 100, 120, 200])
@pytest.mark.parametrize("is_large", [False, True])
def test_every_line_fits_the_area_and_quotes_its_text(width: int, is_large: bool) -> None:
    shown = paragraph(translation=TRANSLATION, tag="es")
    for line in Frame(width, is_bilingual=True, is_large=is_large).lines(shown):
        assert cell_len(line.text) <= width
        for excerpt in line.excerpts:
            block = (shown.source, shown.translation)[excerpt.block]
            quoted = block.text[excerpt.first : excerpt.last]
            assert line.text[excerpt.position : excerpt.position + len(quoted)] == quoted


def test_translation_stands_beside_where_there_is_room_and_below_where_not() -> None:
    shown = paragraph(translation=TRANSLATION)
    wide, narrow = (Frame(width, is_bilingual=True).lines(shown) for width in (120, 80))
    assert [excerpt.block for excerpt in wide[0].excerpts] == [0, 1]
    assert [line.excerpts[0].block for line in narrow if line.excerpts] == [0, 0, 1, 1]


def test_times_and_tags_have_a_column_of_their_own() -> None:
    lines = Frame(80).lines(paragraph(tag="es"))
    assert lines[0].text.split()[0] == "1:02"
    assert lines[1].text.split()[0] == "es"
    assert "1:02" not in Frame(40).lines(paragraph())[0].text


def test_large_print_has_air() -> None:
    assert len(Frame(80, is_large=True).lines(paragraph())) > 2 * len(Frame(80).lines(paragraph())) - 2


def test_tentative_text_is_styled_as_such() -> None:
    live = Paragraph(0.0, 1.0, Block("sure not sure", 5), Block(), "en", is_live=True)
    line = Frame(80).lines(live)[0]
    styled = {span.style: line.text[span.start : span.end] for span in line.spans}
    assert styled == {"now": "0:00", "committed": "sure ", "tentative": "not sure"}


def test_clock() -> None:
    assert [clock(seconds) for seconds in (0, 61.9, 3661)] == ["0:00", "1:01", "1:01:01"]
