"""The whole road with Gemma 3n weights that know a few real clips by heart: `transcribe`, `live`, silence."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from speech3n.cli import main as cli
from speech3n.tui.cli import live
from speech3n.types import SAMPLE_RATE, Waveform
from tests.audio.recordings import Sound, record
from tests.conftest import REPOSITORY, read_waveform, silence

MODEL = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
CLIPS = [json.loads(line) for line in (MODEL / "clips.jsonl").read_text("utf-8").splitlines()]


def audio(clip: dict[str, Any]) -> Path:
    return (MODEL / clip["audio"]).resolve()


EVERY_CLIP = pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: Path(clip["audio"]).stem)


def translation(clip: dict[str, Any]) -> str:
    return str(clip["translation_en"] or clip["text"])


def transcribed(path: Path, *options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    folder = path.parent
    with pytest.raises(SystemExit) as exit_:
        cli.main(
            ["transcribe", str(path), "--model", str(MODEL), "--format", "json", "--output-dir", str(folder), *options]
        )
    assert not exit_.value.code, capsys.readouterr().err
    result: dict[str, Any] = json.loads((folder / f"{path.stem}.json").read_text("utf-8"))
    return result


def captioned(path: Path, session: Path, *options: str) -> list[dict[str, Any]]:
    arguments = [str(path), "--jsonl", "--pace", "max", "--model", str(MODEL), "--save", str(session), *options]
    result = CliRunner().invoke(live, arguments, standalone_mode=False, catch_exceptions=False)
    return [json.loads(line) for line in result.stdout.splitlines()]


def joined(segments: list[dict[str, Any]], key: str) -> str:
    return " ".join(segment[key] for segment in segments)


@EVERY_CLIP
def test_a_file_gives_its_text_and_its_translation(
    clip: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / audio(clip).name
    copy.write_bytes(audio(clip).read_bytes())
    segments = transcribed(copy, "--language", clip["language"], "--translate", capsys=capsys)["segments"]
    assert joined(segments, "text") == clip["text"]
    assert joined(segments, "translation") == translation(clip)
    words = [word for segment in segments for word in segment["words"]]
    assert " ".join(word["text"] for word in words) == clip["text"]
    assert all(0 <= word["start"] < word["end"] <= clip["duration_s"] + 0.5 for word in words)
    assert all(0.5 < word["confidence"] <= 1 for word in words)


@EVERY_CLIP
def test_live_captions_end_at_the_text_of_the_file(clip: dict[str, Any], tmp_path: Path) -> None:
    events = captioned(audio(clip), tmp_path / "session", "--language", clip["language"], "--translate")
    segments = [event for event in events if event["type"] == "segment"]
    assert joined(segments, "text") == clip["text"]
    assert joined(segments, "translation") == translation(clip)
    committed: dict[int, str] = {}
    for event in events:
        if event["type"] == "update":
            text = json.dumps(event["committed"])[:-1]
            assert text.startswith(committed.get(event["segment"], text[:1]))
            committed[event["segment"]] = text


def test_words_come_while_people_speak(tmp_path: Path) -> None:
    clip = next(clip for clip in CLIPS if "keywords" in clip["audio"])
    events = captioned(audio(clip), tmp_path / "session", "--language", "es", "--translate")
    first = next(event for event in events if event["type"] == "update" and event["committed"])
    assert first["audio_s"] < clip["duration_s"] / 2


def test_several_speakers_and_languages_one_after_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a language given, each utterance is answered in its own."""
    chosen = [clip for clip in CLIPS if clip["language"] != "en" and "examples" in clip["audio"]][:3]
    sounds = [part for clip in chosen for part in (silence(1.5), read_waveform(audio(clip)))]
    path = record(tmp_path / "all.wav", np.concatenate(sounds), Sound("pcm_s16le"))
    segments = transcribed(path, capsys=capsys)["segments"]
    assert joined(segments, "text") == joined(chosen, "text")


@pytest.mark.parametrize("level", [0.0, 0.003, 0.02, 0.1])
def test_no_text_on_silence_and_noise(level: float) -> None:
    """Not even where nothing stands before the engine that would keep silence away from it."""
    from speech3n.engines.base import StreamOptions
    from speech3n.engines.registry import open_engine

    noise: Waveform = (level * np.random.default_rng(1).standard_normal(4 * SAMPLE_RATE)).astype(np.float32)
    with closing(open_engine(str(MODEL))) as engine:
        for language in ("es", "en"):
            stream = engine.open_stream(StreamOptions(language=language, translate=True))
            stream.accept_waveform(noise)
            stream.input_finished()
            hypothesis = stream.decode()
            assert hypothesis is not None
            assert (hypothesis.words, hypothesis.translation) == ((), ())
