"""Events as JSON objects, there and back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from speech3n.journal.events import segment_record
from speech3n.types import Segment, Word
from tests.fakes import parse_segment

MILLISECONDS = st.integers(0, 10**7).map(lambda count: count / 1000)
SHARES = st.none() | st.integers(0, 1000).map(lambda count: count / 1000)
WORDS = st.builds(Word, st.text(), MILLISECONDS, MILLISECONDS, st.just(0.5))
SEGMENTS = st.builds(
    Segment,
    id=st.integers(0, 10**6),
    start=MILLISECONDS,
    end=MILLISECONDS,
    text=st.text(),
    words=st.lists(WORDS, max_size=3).map(tuple),
    language=st.none() | st.just("es"),
    translation=st.none() | st.text(),
    is_final=st.just(True),
    target_language=st.none() | st.just("en"),
    language_confidence=SHARES,
    times_estimated=st.booleans(),
)


@given(SEGMENTS)
def test_a_segment_comes_back_from_its_json_as_it_was(segment: Segment) -> None:
    assert parse_segment(json.loads(json.dumps(segment_record(segment)))) == segment


def test_a_segment_written_by_an_older_version_is_read() -> None:
    record = {"id": 1, "start": 0.5, "end": 1.0, "text": "Hola.", "words": [], "language": "es", "translation": None}
    assert parse_segment(record) == Segment(1, 0.5, 1.0, "Hola.", language="es")
