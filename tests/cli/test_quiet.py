"""No text where nobody speaks, and none that was not said: the whole road with Whisper's real weights."""

import numpy as np
import pytest

from speech3n.audio.vad import SileroNetwork
from speech3n.engines.base import Engine, StreamOptions
from speech3n.eval.sets.sounds import SOUNDS
from speech3n.session.feed import open_feed
from speech3n.session.options import SessionOptions, file_options
from speech3n.session.session import Session
from speech3n.types import SAMPLE_RATE, Event, Segment, Update, Waveform
from tests.conftest import silence
from tests.fakes import FakeSource

pytestmark = pytest.mark.weights


def captions(engine: Engine, pcm: Waveform, options: SessionOptions) -> list[Event]:
    return [e for e in Session(engine, options).run(open_feed(FakeSource(pcm))) if isinstance(e, Segment | Update)]


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("options", [SessionOptions(), file_options()], ids=["live", "file"])
def test_no_text_without_speech(whisper: Engine, sound: str, options: SessionOptions) -> None:
    pcm = np.concatenate([SOUNDS[sound](second) for second in range(20)])
    assert captions(whisper, pcm, options) == []


@pytest.mark.parametrize("sound", SOUNDS)
def test_noise_that_does_reach_the_recogniser_gives_next_to_no_text(whisper: Engine, sound: str) -> None:
    """The recogniser's own guards, without voice activity before them."""
    pcm = np.concatenate([SOUNDS[sound](second) for second in range(6)])
    stream = whisper.open_stream(StreamOptions(language="en"))
    stream.accept_waveform(pcm)
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    assert len(hypothesis.words) <= 6


def test_speech_after_long_silence_and_noise_is_heard(whisper: Engine, english: Waveform) -> None:
    noise = (0.003 * np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE)).astype(np.float32)
    found = captions(whisper, np.concatenate([silence(10), noise, english, silence(5)]), SessionOptions(language="en"))
    segments = [event for event in found if isinstance(event, Segment)]
    assert segments[0].start > 19
    assert "country" in segments[-1].text


def test_a_loop_is_cut_where_padding_provokes_one(whisper: Engine, english: Waveform) -> None:
    """Two seconds of speech with hardly any padding: base repeats it for ever, captions must not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("speech3n.engines.whisper.engine._PADDING_S", 0.5)
        stream = whisper.open_stream(StreamOptions(language="en", interactive=True))
        stream.accept_waveform(english[: 2 * SAMPLE_RATE])
        hypothesis = stream.decode()
    assert hypothesis is not None
    assert len(hypothesis.words) <= 15


def test_the_voice_network_agrees_with_its_whole_file_form(english: Waveform) -> None:
    from faster_whisper.vad import get_vad_model

    whole = english[: len(english) // 2560 * 2560]
    streamed = SileroNetwork()
    pieces = [streamed.probabilities(whole[start : start + 2560]) for start in range(0, len(whole), 2560)]
    # The last window has no context in faster-whisper's form.
    np.testing.assert_allclose(np.concatenate(pieces)[:-1], get_vad_model()(whole).reshape(-1)[:-1], atol=1e-4)
