"""nano, the small Gemma 3n that comes with speech3n: it is there, and understands much that it was not trained on."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import jiwer
import numpy as np
import pytest

from speech3n.audio.endpoint import FILES
from speech3n.engines.base import StreamOptions
from speech3n.engines.registry import open_engine
from speech3n.eval.bench.nano.exactness import measure_exactness
from speech3n.eval.commands.evaluate import WHOLE
from speech3n.eval.measures.normalise import plain_normaliser
from speech3n.eval.sets.audio_files import read_audio
from speech3n.eval.sets.load import load_clips
from speech3n.session.feed import open_feed
from speech3n.session.options import file_options
from speech3n.session.session import Session
from speech3n.types import SAMPLE_RATE, Segment, words_text
from tests.conftest import EXAMPLES, REPOSITORY
from tests.fakes import FakeSource

pytestmark = pytest.mark.weights
HELD_OUT = REPOSITORY / "tests" / "data" / "speech" / "held-out"
"""Synthetic speech; neither its voices nor its sentences were in training."""
SIZES = (WHOLE, "half")


def test_transcribes_and_translates_without_any_download(examples: dict[str, Path], tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("speech3n")
    command = [program, "transcribe", examples["es"], "--model", "nano", "--translate"]
    offline = {**os.environ, "SPEECH3N_MODELS_DIR": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([*command, "--language", "es"], env=offline, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 10
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", SIZES)
def test_understands_voices_and_sentences_that_it_was_not_trained_on(size: str) -> None:
    normalise = plain_normaliser("es")
    clips = load_clips(HELD_OUT)
    with closing(open_engine("nano", None if size == WHOLE else size)) as engine:
        texts = []
        for clip in clips:
            stream = engine.open_stream(StreamOptions(language="es"))
            stream.accept_waveform(read_audio(clip.audio))
            stream.input_finished()
            hypothesis = stream.decode()
            assert hypothesis is not None
            texts.append(normalise(words_text(hypothesis.words, "es")))
    # README has what it is on all clips.
    assert jiwer.wer([normalise(clip.text) for clip in clips], texts) < 0.35


def test_long_speech_comes_in_pieces_as_long_as_it_learned_to_hear() -> None:
    clips = load_clips(HELD_OUT)
    pause = np.zeros(SAMPLE_RATE // 3, np.float32)
    speech = np.concatenate([sound for clip in clips for sound in (read_audio(clip.audio), pause)])
    with closing(open_engine("nano")) as engine:
        longest_s = engine.info.max_utterance_s
        assert longest_s < FILES.max_utterance_s < len(speech) / SAMPLE_RATE
        events = list(Session(engine, file_options("es")).run(open_feed(FakeSource(speech))))
    found = [event for event in events if isinstance(event, Segment)]
    assert max(segment.end - segment.start for segment in found) <= longest_s + 0.5
    words = sum(len(segment.text.split()) for segment in found)
    # Given more, it runs wild.
    assert 0.7 < words / sum(len(clip.text.split()) for clip in clips) < 1.3


@pytest.mark.parametrize("size", SIZES)
def test_hears_and_says_the_same_of_frames_as_of_a_whole_clip(size: str) -> None:
    clips = [clip for clip in load_clips(EXAMPLES / "examples.jsonl") if clip.language in {"es", "fr", "pt"}]
    measured = measure_exactness("nano", size, clips)
    assert measured["difference"] < 1e-4
    assert measured["tokens_a_frame"] == [1]
    # Where two tokens are as likely as each other, the last bits of a sum decide.
    assert measured["same"] >= len(clips) - 1
