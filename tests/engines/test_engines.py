"""What every engine must do, whatever recognises inside; a new engine is one more parameter."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from speech3n.engines.base import Engine, EngineStream, StreamOptions
from speech3n.engines.registry import open_engine
from speech3n.errors import UsageError
from speech3n.types import SAMPLE_RATE, Hypothesis, Waveform, words_text
from tests.conftest import REPOSITORY, silence

pytestmark = pytest.mark.weights


MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
"""Gemma 3n's architecture with weights that know the bundled clips by heart."""
SURE = {"whisper-base": "whisper-base", "gemma3n": str(MEMORISED)}
"""Engines that make no mistake in the bundled clips."""
ALL = {**SURE, "nano": "nano"}


@pytest.fixture(scope="module", params=ALL.values(), ids=ALL)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with closing(open_engine(request.param)) as engine:
        yield engine


sure = pytest.mark.parametrize("engine", SURE.values(), ids=SURE, indirect=True)


def recognise(engine: Engine, pcm: Waveform, options: StreamOptions) -> Hypothesis:
    stream = engine.open_stream(options)
    stream.accept_waveform(pcm)
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    return hypothesis


def grow(stream: EngineStream, pcm: Waveform, step_s: float) -> list[Hypothesis]:
    step = round(step_s * SAMPLE_RATE)
    found = []
    for start in range(0, len(pcm), step):
        stream.accept_waveform(pcm[start : start + step])
        hypothesis = stream.decode()
        assert hypothesis is not None
        found.append(hypothesis)
    return found


def test_is_an_engine(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert {"en", "es", "fr", "it", "pt"} <= engine.info.languages
    assert isinstance(engine.open_stream(StreamOptions()), EngineStream)


@sure
def test_recognises_speech_with_times_and_confidences(engine: Engine, english: Waveform) -> None:
    hypothesis = recognise(engine, english, StreamOptions(language="en"))
    text = words_text(hypothesis.words, "en").lower()
    assert "ask not what your country can do for you" in text
    assert "ask what you can do for your country" in text
    duration_s = len(english) / SAMPLE_RATE
    times = [time for word in hypothesis.words for time in (word.start, word.end)]
    assert all(0 <= time <= duration_s for time in times)
    starts = [word.start for word in hypothesis.words]
    assert starts == sorted(starts)
    assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
    country = [word for word in hypothesis.words if "country" in word.text]
    # He says it at about 5.8 s and at about 10 s.
    tolerance_s = 0.4 if engine.info.aligns_words else 2.0
    assert country[0].start == pytest.approx(5.8, abs=tolerance_s)
    assert country[1].end == pytest.approx(10.4, abs=tolerance_s)


def test_a_growing_utterance_ends_where_the_whole_does(engine: Engine, english: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(language="en", interactive=True))
    found = grow(stream, english, 1.0)
    lengths = [len(hypothesis.words) for hypothesis in found]
    assert lengths[0] < lengths[5] < lengths[-1]
    assert all(h.audio_s == pytest.approx(i + 1.0) for i, h in enumerate(found))
    ending = words_text(found[-1].words, "en")
    if engine.info.name != "nano":
        assert "can do for your country" in ending
    whole = recognise(engine, english, StreamOptions(language="en", interactive=True))
    assert ending[-20:] in words_text(whole.words, "en")


def test_nothing_new_gives_no_hypothesis(engine: Engine, english: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(language="en", interactive=True))
    assert stream.decode() is None
    stream.accept_waveform(english[: 2 * SAMPLE_RATE])
    assert stream.decode() is not None
    assert stream.decode() is None


def test_detects_the_language_and_translates(engine: Engine, spanish: Waveform) -> None:
    hypothesis = recognise(engine, spanish, StreamOptions(translate=True))
    if engine.info.detects_language:
        assert hypothesis.language == "es"
        assert hypothesis.language_confidence > 0.5
    else:
        assert (hypothesis.language, hypothesis.language_confidence) == (None, 0.0)
    if engine.info.name == "nano":
        # It takes this Spanish for English where nobody says what it is, and English has no translation.
        hypothesis = recognise(engine, spanish, StreamOptions(language="es", translate=True))
    assert hypothesis.translation
    source = {word.text.lower() for word in hypothesis.words}
    assert len(source & {word.lower() for word in hypothesis.translation}) < len(source) / 2


def test_english_is_its_own_translation(engine: Engine, english: Waveform) -> None:
    hypothesis = recognise(engine, english, StreamOptions(language="en", translate=True))
    assert hypothesis.translation == tuple(word.text for word in hypothesis.words)


@sure
def test_a_cut_keeps_the_words_before_it_and_goes_on_after_it(engine: Engine, english: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(language="en", translate=True, interactive=True))
    stream.accept_waveform(english)
    newest = stream.decode()
    assert newest is not None
    keys = [word.text.lower().strip(",.") for word in newest.words]
    second = [place for place, key in enumerate(keys) if key == "ask"][1]
    cut = round((newest.words[second - 1].end + newest.words[second].start) / 2 * SAMPLE_RATE)
    before = stream.cut(cut, second)
    assert before.audio_s == cut / SAMPLE_RATE
    assert before.translation == tuple(word.text for word in before.words)
    assert before.words[-1].end <= before.audio_s + 0.2
    stream.accept_waveform(silence(0.2))
    stream.input_finished()
    after = stream.decode()
    assert after is not None
    found = [word.text.lower().strip(",.") for word in (*before.words, *after.words)]
    assert (found[:9], found[-8:]) == (keys[:9], keys[-8:])
    if engine.info.aligns_words:
        assert before.words == newest.words[:second]
        assert found == keys
    assert after.words[0].start < 1.0
    assert after.audio_s == pytest.approx((len(english) - cut) / SAMPLE_RATE + 0.2)


@sure
def test_what_is_before_a_cut_is_translated_alone(engine: Engine, spanish: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(language="es", translate=True))
    stream.accept_waveform(spanish)
    newest = stream.decode()
    assert newest is not None
    assert newest.translation
    words = len(newest.words) // 2
    cut = round(newest.words[words].start * SAMPLE_RATE)
    before = stream.cut(cut, words)
    assert before.translation
    assert len(before.translation) < len(newest.translation)
    stream.input_finished()
    after = stream.decode()
    assert after is not None
    assert after.translation


detecting = pytest.mark.parametrize("engine", ["whisper-base"], indirect=True)


@detecting
def test_the_language_after_a_cut_is_detected_anew(engine: Engine, english: Waveform, spanish: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(interactive=True))
    stream.accept_waveform(english)
    newest = stream.decode()
    assert newest is not None
    before = stream.cut(len(english), len(newest.words))
    stream.accept_waveform(spanish)
    stream.input_finished()
    after = stream.decode()
    assert after is not None
    assert (before.language, after.language) == ("en", "es")
    assert before.language_confidence == newest.language_confidence
    assert 0 < after.language_confidence != before.language_confidence


@detecting
def test_of_nothing_after_a_cut_nothing_is_said(engine: Engine, english: Waveform) -> None:
    stream = engine.open_stream(StreamOptions(interactive=True))
    stream.accept_waveform(english)
    newest = stream.decode()
    assert newest is not None
    stream.cut(len(english), len(newest.words))
    stream.input_finished()
    assert stream.decode() is None


def test_a_stream_does_not_know_of_another(engine: Engine, english: Waveform, spanish: Waveform) -> None:
    alone = recognise(engine, english, StreamOptions(language="en"))
    other = engine.open_stream(StreamOptions(language="es"))
    stream = engine.open_stream(StreamOptions(language="en"))
    for start in range(0, len(english), 8000):
        stream.accept_waveform(english[start : start + 8000])
        other.accept_waveform(spanish[start : start + 8000])
    stream.input_finished()
    assert stream.decode() == alone


def test_says_nothing_about_nothing(engine: Engine) -> None:
    rng = np.random.default_rng(0)
    for pcm in (silence(4), (0.01 * rng.standard_normal(4 * SAMPLE_RATE)).astype(np.float32)):
        assert not recognise(engine, pcm, StreamOptions(language="en")).words


def test_translates_to_the_languages_it_says_and_to_no_other(engine: Engine) -> None:
    if engine.info.target_languages is not None:
        assert "en" in engine.info.target_languages
        with pytest.raises(UsageError, match="not to German"):
            engine.open_stream(StreamOptions(translate=True, target_language="de"))
        assert isinstance(engine.open_stream(StreamOptions(target_language="de")), EngineStream)
    else:
        assert isinstance(engine.open_stream(StreamOptions(translate=True, target_language="de")), EngineStream)


def test_refuses_a_language_it_does_not_have(engine: Engine) -> None:
    with pytest.raises(UsageError, match="xx"):
        engine.open_stream(StreamOptions(language="xx"))
