"""Subtitle cues: nothing lost, no limit broken, breaks where a reader wants them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from speech3n.errors import UsageError
from speech3n.formats.linebreaks import Text, split_text, split_word
from speech3n.formats.subtitles import Cue, SubtitleOptions, lay_out
from speech3n.types import Segment, Transcript, Word

OPTIONS = SubtitleOptions()


def segment(text: str, start: float = 0.0, char_s: float = 0.06, language: str = "en", **more: object) -> Segment:
    """A segment whose words follow each other without a pause, `char_s` seconds a character."""
    words = []
    at = start
    for word in text.split():
        words.append(Word(word, at, at + char_s * (len(word) + 1), 0.9))
        at = words[-1].end
    return Segment(0, start, at, text, tuple(words), language, **more)  # type: ignore[arg-type]


def cues_of(*segments: Segment, options: SubtitleOptions = OPTIONS) -> list[Cue]:
    return lay_out(Transcript(segments, "talk.wav", 60.0, None, "model"), options)


def squeezed(texts: Iterable[str]) -> str:
    """Text without any white space: what must be the same before and after."""
    return "".join("".join(texts).split())


WORD_TEXTS = st.one_of(
    st.sampled_from(
        ["the", "of", "de", "la", "Hola,", "dicho.", "¿Qué", "tal?", "a", "--", "-->", "…", "字幕", "ไทย", "Dr."]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.text("abcdefgh字", min_size=40, max_size=120),
)


@st.composite
def transcripts(draw: st.DrawFn, is_translated: bool = False) -> Transcript:
    segments = []
    at = draw(st.floats(0, 400_000))
    for number in range(draw(st.integers(0, 4))):
        words = []
        start = at
        for text in draw(st.lists(WORD_TEXTS, max_size=40)):
            length = draw(st.sampled_from([0.0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.8, 9.0]))
            words.append(Word(text, at, at + length, 0.5))
            at += length + draw(st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.5, 4.0]))
        translation = " ".join(draw(st.lists(WORD_TEXTS, max_size=40))) if is_translated else None
        language = draw(st.sampled_from(["en", "es", "ja", "th", None]))
        texts = " ".join(word.text for word in words)
        timed = tuple(words) if draw(st.booleans()) else ()
        segments.append(Segment(number, start, at, texts, timed, language, translation))
        at += draw(st.sampled_from([0.0, 0.3, 2.0]))
    return Transcript(tuple(segments), "talk.wav", at, "es", "model")


def assert_limits(cues: list[Cue], options: SubtitleOptions) -> None:
    for cue in cues:
        assert len(cue.lines) <= options.max_lines
        assert len(cue.translation) <= options.max_lines
        assert all(line and cell_len(line) <= options.max_line_chars for line in (*cue.lines, *cue.translation))
        assert cue.lines or cue.translation
        assert 0 < cue.end - cue.start <= options.max_cue_s + 1e-6
    for earlier, later in itertools.pairwise(cues):
        assert later.start >= earlier.end + options.gap_s - 1e-6


@settings(max_examples=60)
@given(transcripts(), st.sampled_from([OPTIONS, SubtitleOptions(max_line_chars=16, max_lines=3, max_cue_s=3.0)]))
def test_every_word_is_shown_once_in_order_within_the_limits(transcript: Transcript, options: SubtitleOptions) -> None:
    cues = lay_out(transcript, options)
    assert squeezed(line for cue in cues for line in cue.lines) == squeezed(s.text for s in transcript.segments)
    assert_limits(cues, options)


@settings(max_examples=60)
@given(transcripts(is_translated=True), st.sampled_from(["translation", "both"]))
def test_every_translated_word_is_shown_once_in_order(transcript: Transcript, content: str) -> None:
    options = SubtitleOptions(content=content)
    cues = lay_out(transcript, options)
    assert_limits(cues, options)
    translation = squeezed(segment.translation or "" for segment in transcript.segments)
    if content == "translation":
        assert squeezed(line for cue in cues for line in cue.lines) == translation
    else:
        # A segment of translation only, without source, is shown as the lines of its cues.
        empty = [segment for segment in transcript.segments if not squeezed([segment.text])]
        source = squeezed(s.translation or "" if s in empty else s.text for s in transcript.segments)
        below = squeezed(s.translation or "" for s in transcript.segments if s not in empty)
        assert squeezed(line for cue in cues for line in cue.lines) == source
        assert squeezed(line for cue in cues for line in cue.translation) == below


def test_cues_end_where_sentences_end() -> None:
    cues = cues_of(
        segment("We met on a Tuesday in the old harbour. Nobody had expected that she would come back at all.")
    )
    assert [" ".join(cue.lines) for cue in cues] == [
        "We met on a Tuesday in the old harbour.",
        "Nobody had expected that she would come back at all.",
    ]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "The committee will publish", "the results of the inquiry"),
        ("es", "La reunión empezará mañana", "en el ayuntamiento viejo"),
        ("fr", "Les enfants jouent souvent", "dans le jardin derrière"),
        ("it", "La biblioteca resta chiusa", "fino alla prossima settimana"),
        ("pt", "As crianças brincavam sempre", "no jardim da vizinha rica"),
    ],
)
def test_lines_do_not_end_with_an_article_or_a_preposition(language: str, first: str, second: str) -> None:
    words = f"{first} {second}".split()
    assert Text(words, language).lines(0, len(words), 42, 2) == (first, second)


def test_lines_break_after_punctuation_and_not_after_a_title() -> None:
    assert cues_of(segment("When the rain had stopped, they all went home."))[0].lines == (
        "When the rain had stopped,",
        "they all went home.",
    )
    lines = cues_of(segment("Yesterday I had a long meeting with Dr. Rosalind Franklin again"))[0].lines
    assert not lines[0].endswith("Dr.")


def test_a_long_pause_starts_a_new_cue() -> None:
    words = (
        Word("Wait", 0.0, 0.4, 1),
        Word("here", 0.4, 0.9, 1),
        Word("until", 3.9, 4.2, 1),
        Word("then", 4.2, 4.6, 1),
    )
    cues = cues_of(Segment(0, 0.0, 4.6, "Wait here until then", words, "en"))
    assert [cue.lines for cue in cues] == [("Wait here",), ("until then",)]
    assert cues[0].end < 3.0
    assert cues[1].start == 3.9


def test_a_short_cue_stays_until_it_is_read_but_not_into_the_next() -> None:
    fast = segment("A sentence that was spoken much too fast.", 1.0, 0.02)
    alone = cues_of(fast, segment("Next.", 20.0))[0]
    assert alone.end - alone.start == pytest.approx(41 / 20.0)
    followed = cues_of(fast, segment("Next.", 2.5))[0]
    assert followed.end == pytest.approx(2.5 - OPTIONS.gap_s)
    tiny = cues_of(segment("Yes.", 5.0, 0.03))[0]
    assert tiny.end == pytest.approx(6.0)


def test_a_gap_that_would_flicker_is_closed() -> None:
    cues = cues_of(segment("This is the first sentence.", 0.0), segment("This is the second.", 2.0))
    assert cues[0].end == pytest.approx(2.0 - OPTIONS.gap_s)


def test_a_word_longer_than_seven_seconds_is_capped() -> None:
    (cue,) = cues_of(Segment(0, 0.0, 12.0, "Goool", (Word("Goool", 0.0, 12.0, 1),), "es"))
    assert cue.end == 7.0


def test_a_sentence_cut_between_two_segments_is_one_again() -> None:
    first = segment("The lighthouse keeper climbed")
    cues = cues_of(first, segment("up to the very top.", first.end))
    assert [" ".join(cue.lines) for cue in cues] == ["The lighthouse keeper climbed up to the very top."]
    assert len(cues_of(first, segment("up to the very top.", first.end + 1.0))) == 2


def test_words_without_times_are_spread_over_the_segment() -> None:
    text = "One two three four five six seven eight nine ten. " * 6
    cues = cues_of(Segment(0, 10.0, 40.0, text, (), "en"))
    assert cues[0].start == 10.0
    assert cues[3].start == pytest.approx(25.0)
    assert 39 < cues[-1].end <= 40.1


def test_chinese_is_joined_without_spaces_and_counts_double() -> None:
    cues = cues_of(Segment(0, 0.0, 20.0, "今天天气很好，我们一起去公园散步，然后在河边的小餐馆吃晚饭。" * 2, (), "zh"))
    assert len(cues) > 1
    assert all(cell_len(line) <= 42 and " " not in line for cue in cues for line in cue.lines)
    assert not any(line[0] in "，。" for cue in cues for line in cue.lines)


def test_text_without_spaces_is_split_where_lines_may_begin() -> None:
    assert split_text("我用GPT4说「你好」。", "zh") == ["我", "用", "GPT4", "说", "「你", "好」。"]
    assert split_text("ที่นี่", "th") == ["ที่", "นี่"]
    assert split_text("no change", "en") == ["no", "change"]
    assert list(split_word("abcdefg hi", 3)) == ["abc", "def", "g", "hi"]


SPOKEN = "No lo sabía. La reunión que teníamos prevista para el lunes se ha aplazado hasta la semana que viene."
TRANSLATED = "I did not know that. The meeting that we had planned for Monday has been put off until next week."


def test_translation_alone_follows_the_speech() -> None:
    spoken = segment(SPOKEN, 3.0, language="es", translation=TRANSLATED)
    cues = cues_of(spoken, options=SubtitleOptions(content="translation"))
    assert cues[0].lines == ("I did not know that.",)
    assert cues[1].start == pytest.approx(spoken.words[3].start)


def test_both_shows_a_sentence_with_its_translation() -> None:
    cues = cues_of(segment(SPOKEN, language="es", translation=TRANSLATED), options=SubtitleOptions(content="both"))
    assert (cues[0].lines, cues[0].translation) == (("No lo sabía.",), ("I did not know that.",))
    assert all(cue.lines and cue.translation for cue in cues)


@pytest.mark.parametrize("content", ["translation", "both"])
def test_without_a_translation_the_source_is_shown(content: str) -> None:
    plain = segment(SPOKEN, language="es")
    assert cues_of(plain, options=SubtitleOptions(content=content)) == cues_of(plain)


def test_a_translation_much_longer_than_its_source_is_shown_whole() -> None:
    translation = "word " * 100
    cues = cues_of(segment("Sí.", char_s=5.0, translation=translation), options=SubtitleOptions(content="both"))
    assert squeezed(line for cue in cues for line in cue.translation) == squeezed(translation)
    assert [cue.lines for cue in cues if cue.lines] == [("Sí.",)]
    assert_limits(cues, OPTIONS)


def test_unknown_content_is_named() -> None:
    with pytest.raises(UsageError, match=r"'sorce'.*source, translation, both"):
        SubtitleOptions(content="sorce")
    with pytest.raises(UsageError):
        SubtitleOptions(max_lines=0)
