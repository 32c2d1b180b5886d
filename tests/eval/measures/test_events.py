from pathlib import Path

import pytest

from speech3n.errors import StorageError
from speech3n.eval.measures.events import final_segments, read_events, write_events
from speech3n.eval.measures.latency import stability, translation_delays, word_delays
from speech3n.journal.journal import Journal, SessionHeader
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


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"type": "update"}',
        "[]",
        "{}",
        '{"type": 1}',
        '{"type": "end", "audio_s": 1e400, "elapsed_s": 1, "dropped_s": 0}',
        '{"type": "end", "audio_s": -1, "elapsed_s": 1, "dropped_s": 0}',
        '{"type": "end", "audio_s": NaN, "elapsed_s": 1, "dropped_s": 0}',
        f'{{"type": "end", "audio_s": {"9" * 400}, "elapsed_s": 1, "dropped_s": 0}}',
        '{"type": "update", "segment": 1, "committed": 1, "tentative": "", "audio_s": 1, "elapsed_s": 1}',
        '{"type": ' + "[" * 100_000,
    ],
)
def test_lines_that_are_no_events_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"type": "end", "audio_s": 1, "elapsed_s": 1, "dropped_s": 0}\n' + line + "\n")
    with pytest.raises(StorageError, match="line 2: not an event"):
        read_events(path)


def test_translations_come_back_with_their_times(tmp_path: Path) -> None:
    spanish = [
        Update((), (HELLO,), (), ("Hola,",), language="en", audio_s=1.0, elapsed_s=1.5, target_language="es"),
        Update((HELLO, YOU), (), ("Hola,", "tú"), (), language="en", audio_s=2.0, elapsed_s=2.5, target_language="es"),
        Segment(0, 0.25, 0.75, "Hello, you", (HELLO, YOU), "en", "Hola, tú", target_language="es"),
        End(2.0, 2.5),
    ]
    path = tmp_path / "events.jsonl"
    list(write_events(path, spanish))
    read = read_events(path)
    assert translation_delays(read) == translation_delays(spanish)
    assert [delay.shown_at for delay in translation_delays(read)] == [1.5, 2.5]
    assert [event.target_language for event in read if isinstance(event, Update)] == ["es", "es"]


def test_languages_without_spaces_score_by_characters_from_the_log_too(tmp_path: Path) -> None:
    good, morning = Word("你好", 0.0, 1.0, 1.0), Word("早", 1.0, 2.0, 1.0)
    chinese: list[Event] = [
        Update((good,), (morning,), language="zh", audio_s=2.0, elapsed_s=2.0),
        Update((good, morning), (), language="zh", audio_s=3.0, elapsed_s=3.0),
        Segment(0, 0.0, 2.0, "你好早", (good, morning), "zh"),
        End(3.0, 3.0),
    ]
    path = tmp_path / "events.jsonl"
    list(write_events(path, chinese))
    delays = word_delays(read_events(path))
    assert delays == word_delays(chinese)
    assert [(delay.text, delay.end, delay.shown_at, delay.committed_at) for delay in delays] == [
        ("你", 0.5, 2.0, 2.0),
        ("好", 1.0, 2.0, 2.0),
        ("早", 2.0, 2.0, 3.0),
    ]


def test_a_journal_is_a_log_even_of_a_session_that_was_killed(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "session", SessionHeader("mic", "fake", "en"))
    for event in EVENTS[:-1]:
        journal.record(event)
    journal.close()
    with (tmp_path / "session" / "events.jsonl").open("ab") as file:
        file.write('{"type": "segment", "text": "¿Qu'.encode()[:-1])
    assert final_segments(read_events(tmp_path / "session")) == [EVENTS[4]]


def test_a_whole_last_line_needs_no_line_break(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    list(write_events(path, EVENTS))
    path.write_bytes(path.read_bytes().rstrip())
    assert read_events(path)[-1] == EVENTS[-1]


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Cannot read .*absent"):
        read_events(tmp_path / "absent.jsonl")


def test_line_breaks_within_text_do_not_break_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    word = Word("one\u2028two", 0.0, 1.0, 1.0)
    list(write_events(path, [Segment(0, 0.0, 1.0, word.text, (word,))]))
    assert final_segments(read_events(path))[0].text == word.text
