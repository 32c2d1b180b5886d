from pathlib import Path

import pytest

from eval.events import final_segments, read_events, write_events
from eval.latency import stability, word_delays
from speech3n.errors import StorageError
from speech3n.types import End, Event, Notice, Segment, Status, Update, Word

HELLO, YOU = Word("Hello,", 0.25, 0.5, 0.9), Word("you", 0.5, 0.75, 0.8)
EVENTS: list[Event] = [
    Update((), (HELLO,), language="en", audio_s=0.5, elapsed_s=0.75),
    Status(0.75, 0.125, 0.875, 0.25, -30.0, True),
    Notice("careful"),
    Update((HELLO,), (YOU,), language="en", audio_s=1.0, elapsed_s=1.25),
    Segment(0, 0.25, 0.75, "Hello, you", (HELLO, YOU), "en"),
    End(2.0, 2.5),
]


def test_a_log_scores_like_the_session_itself(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert list(write_events(path, EVENTS)) == EVENTS
    events = read_events(path)
    assert word_delays(events) == word_delays(EVENTS)
    assert stability(events) == stability(EVENTS)
    assert final_segments(events) == [EVENTS[4]]
    assert [event for event in events if isinstance(event, Status)] == [EVENTS[1]]


@pytest.mark.parametrize("line", ["{", '{"type": "update"}', "[]"])
def test_lines_that_are_no_events_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"type": "end", "audio_s": 1, "elapsed_s": 1, "dropped_s": 0}\n' + line)
    with pytest.raises(StorageError, match="line 2: not an event"):
        read_events(path)
