"""LocalAgreement: commits are append-only whatever the recogniser does, and come as soon as two hypotheses agree."""

from hypothesis import given
from hypothesis import strategies as st

from speech3n.decoding.policy import LocalAgreement, normalize_word
from speech3n.types import Hypothesis, Word


def hypothesis(text: str, audio_s: float = 100.0, translation: str | None = None) -> Hypothesis:
    words = tuple(Word(word, float(i), i + 1.0, 0.9) for i, word in enumerate(text.split()))
    return Hypothesis(words, "en", 0.9, tuple(translation.split()) if translation is not None else None, audio_s)


def texts(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def test_words_are_committed_when_two_hypotheses_agree() -> None:
    policy = LocalAgreement()
    first = policy.update(hypothesis("the cat"), False)
    assert (texts(first.committed), texts(first.tentative)) == ("", "the cat")
    second = policy.update(hypothesis("the cat's pyjamas"), False)
    assert (texts(second.committed), texts(second.tentative)) == ("the", "cat's pyjamas")
    third = policy.update(hypothesis("the cat's pyjamas are"), False)
    assert (texts(third.committed), texts(third.tentative)) == ("the cat's pyjamas", "are")


def test_case_and_punctuation_do_not_delay_a_commit() -> None:
    policy = LocalAgreement()
    policy.update(hypothesis("hello. world"), False)
    assert texts(policy.update(hypothesis("Hello, world"), False).committed) == "Hello, world"


def test_words_at_the_newest_audio_wait() -> None:
    policy = LocalAgreement(holdback_s=0.5)
    policy.update(hypothesis("one two", audio_s=2.0), False)
    assert texts(policy.update(hypothesis("one two", audio_s=2.0), False).committed) == "one"
    assert texts(policy.update(hypothesis("one two", audio_s=2.5), False).committed) == "one two"


def test_the_last_hypothesis_is_committed_whole() -> None:
    policy = LocalAgreement()
    update = policy.update(hypothesis("all of it", translation="todo"), True)
    assert texts(update.committed) == "all of it"
    assert update.translation_committed == ("todo",)
    assert not update.tentative


def test_a_translation_left_out_of_the_last_hypothesis_is_not_lost() -> None:
    policy = LocalAgreement()
    policy.update(hypothesis("a", translation="hello there"), False)
    assert policy.update(hypothesis("a b"), True).translation_committed == ("hello", "there")


def test_a_word_inserted_before_committed_text_repeats_nothing() -> None:
    policy = LocalAgreement()
    policy.update(hypothesis("please enter your number"), False)
    policy.update(hypothesis("please enter your number now"), False)
    update = policy.update(hypothesis("um please enter your number now and"), True)
    assert texts(update.committed) == "please enter your number now and"


def test_a_word_committed_half_said_goes_on() -> None:
    policy = LocalAgreement()
    policy.update(hypothesis("visit www."), False)
    policy.update(hypothesis("visit www."), False)
    assert texts(policy.update(hypothesis("visit www.asterisk.org"), True).committed) == "visit www. asterisk.org"


def test_an_ending_that_comes_late_is_no_word_of_its_own() -> None:
    policy = LocalAgreement()
    policy.update(hypothesis("the American"), False)
    policy.update(hypothesis("the American"), False)
    assert texts(policy.update(hypothesis("the Americans came"), True).committed) == "the American came"


hypotheses = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "A,", "d"]), max_size=8).map(" ".join), min_size=1, max_size=12
)


@given(hypotheses, st.floats(0, 3))
def test_commits_are_append_only(sequence: list[str], holdback_s: float) -> None:
    policy = LocalAgreement(holdback_s)
    committed: tuple[Word, ...] = ()
    translated: tuple[str, ...] = ()
    for step, text in enumerate(sequence):
        update = policy.update(hypothesis(text, float(step), text), step == len(sequence) - 1)
        assert update.committed[: len(committed)] == committed
        assert update.translation_committed[: len(translated)] == translated
        committed, translated = update.committed, update.translation_committed
    assert not update.tentative
    assert not update.translation_tentative


@given(st.text(min_size=1))
def test_no_word_compares_as_nothing(text: str) -> None:
    assert normalize_word(text)
