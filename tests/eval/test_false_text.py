import pytest
from fakes import FakeEngine

from eval.false_text import FalseText, count_false_text, listen_for_false_text
from eval.sounds import SOUNDS
from speech3n.errors import UsageError
from speech3n.types import Segment, Update, Word


def words(count: int) -> tuple[Word, ...]:
    return tuple(Word(f"w{index}", 0.5 * index, 0.5 * index + 0.5, 1.0) for index in range(count))


def test_words_are_counted_by_the_minute() -> None:
    events = [Update((), words(3), segment=0), Segment(0, 0.0, 1.0, "w0", words(1)), Update((), words(2), segment=1)]
    heard = count_false_text("music", 90.0, events)
    assert heard == FalseText("music", 90.0, 1, 5, ("w0",))
    assert heard.final_per_minute == pytest.approx(2 / 3)
    assert heard.shown_per_minute == pytest.approx(10 / 3)


@pytest.mark.parametrize("mode", ["offline", "streaming"])
def test_silence_reaches_no_engine(mode: str) -> None:
    """The fake engine hears a word every 0.4 s, whatever it is given."""
    engine = FakeEngine()
    heard = list(listen_for_false_text(engine, mode, minutes=0.1, sounds=["silence", "quiet noise"]))
    assert heard == [FalseText("silence", 6.0, 0, 0, ()), FalseText("quiet noise", 6.0, 0, 0, ())]
    assert not engine.opened


def test_all_sounds_are_listened_to_unless_some_are_chosen() -> None:
    heard = listen_for_false_text(FakeEngine(), "offline", minutes=0.02)
    assert [result.sound for result in heard] == list(SOUNDS)


def test_what_the_engine_makes_up_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a detector that calls everything speech, as music sometimes is called, the words get through."""
    monkeypatch.setattr("speech3n.audio.vad.VoiceActivityDetector._probabilities", lambda self, frame: [1.0] * 5)
    (heard,) = listen_for_false_text(FakeEngine(), "streaming", minutes=0.1, sounds=["music"])
    assert heard.words_final == 15
    assert heard.words_shown >= heard.words_final
    assert heard.final_per_minute == pytest.approx(150.0)
    assert heard.texts[0].startswith("w0 w1")


def test_wrong_sounds_and_lengths_are_named() -> None:
    with pytest.raises(UsageError, match=r'no sound "musik".*silence, quiet noise'):
        list(listen_for_false_text(FakeEngine(), "offline", sounds=["musik"]))
    with pytest.raises(UsageError, match="hold no sound"):
        list(listen_for_false_text(FakeEngine(), "offline", minutes=0.0))
