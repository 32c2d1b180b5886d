from speech3n.eval.measures.false_text import FalseText, count_false_text
from speech3n.types import Segment, Update, Word


def words(count: int) -> tuple[Word, ...]:
    return tuple(Word(f"w{index}", 0.5 * index, 0.5 * index + 0.5, 1.0) for index in range(count))


def test_words_are_counted_by_the_minute() -> None:
    events = [Update((), words(3), segment=0), Segment(0, 0.0, 1.0, "w0", words(1)), Update((), words(2), segment=1)]
    counted = count_false_text(events)
    assert counted == FalseText(1, 5, ("w0",))
