"""Search ignores case and accents and keeps positions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speech3n.tui.finding import folded, places


def test_accents_and_case_do_not_matter() -> None:
    assert list(places("Mañana, MANANA, mañana", folded("manana"))) == [(0, 6), (8, 14), (16, 22)]


def test_nothing_is_found_for_nothing() -> None:
    assert list(places("text", "")) == []


@given(st.text())
def test_folding_keeps_every_position(text: str) -> None:
    assert len(folded(text)) == len(text)
