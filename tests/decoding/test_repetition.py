"""Loops are cut; what people really repeat is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.decoding.repetition import cut_repetition, loop_start
from speech3n.types import Word


def spoken(text: str, word_s: float = 0.3) -> tuple[Word, ...]:
    return tuple(Word(word, i * word_s, (i + 1) * word_s, 0.9) for i, word in enumerate(text.split()))


@pytest.mark.parametrize(
    "text",
    [
        "no no no no",
        "ask not what your country can do for you ask what you can do for your country",
        "row row row your boat gently down the stream merrily merrily merrily merrily",
        "please hold please hold please hold",
    ],
)
def test_what_people_say_is_kept(text: str) -> None:
    assert cut_repetition(spoken(text)) == spoken(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("and so " + "my fellow Americans " * 20, 2 + 3 * 4),
        ("thank you " * 30, 2 * 4),
        ("so " * 50, 5),
        ("it " + "goes on and on forever " * 9, 1 + 5 * 3),
    ],
)
def test_loops_are_cut(text: str, kept: int) -> None:
    assert len(cut_repetition(spoken(text))) == kept


def test_a_repeat_that_took_no_time_was_not_said() -> None:
    said = spoken("Press one to call this number.")
    echo = tuple(Word(word.text, said[-1].end, said[-1].end + 0.02, 0.9) for word in said)
    assert cut_repetition(said + echo) == said
    assert cut_repetition(said + echo + echo[:2]) == said


@given(st.lists(st.sampled_from("ab"), max_size=30))
def test_a_loop_that_is_found_is_one(keys: list[str]) -> None:
    start = loop_start(keys)
    if start is not None:
        assert any(keys[start : start + p] == keys[start - p : start] for p in range(1, start + 1))
    else:
        assert all(loop_start(keys[:end]) is None for end in range(len(keys)))
