"""The Gemma 3n engine at one size, and with several between which its streams change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from speech3n.cli.main import main
from speech3n.engines.base import ElasticStream, StreamOptions
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.engines.registry import open_engine, resolve_model
from speech3n.errors import UsageError
from speech3n.models.gemma3n.matformer import slice_checkpoint
from speech3n.models.gemma3n.sizes import WHOLE, Size
from speech3n.types import SAMPLE_RATE, Hypothesis, Waveform
from tests.conftest import REPOSITORY, read_waveform

MODEL = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
"""Six layers with 192 columns each, of which the last two share keys."""
SMALL = Size("small", 160, (4,))
SPANISH = StreamOptions(language="es", translate=True)


@pytest.fixture(scope="module")
def clip() -> Waveform:
    return read_waveform(REPOSITORY / "speech3n" / "examples" / "es-keywords.flac")


@pytest.fixture(scope="module")
def elastic() -> Iterator[Gemma3nEngine]:
    with closing(Gemma3nEngine(MODEL, "memorised", sizes=(WHOLE, SMALL))) as engine:
        yield engine


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gemma3nEngine]:
    folder = slice_checkpoint(MODEL, SMALL, tmp_path_factory.mktemp("sliced") / "out").folder
    with closing(Gemma3nEngine(folder, "sliced")) as engine:
        yield engine


def whole_engine() -> Gemma3nEngine:
    return Gemma3nEngine(MODEL, "memorised")


def recognise(engine: Gemma3nEngine, pcm: Waveform, options: StreamOptions = SPANISH) -> Hypothesis:
    stream = engine.open_stream(options)
    stream.accept_waveform(pcm)
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    return hypothesis


def said(hypothesis: Hypothesis) -> tuple[list[str], tuple[str, ...] | None]:
    """Transcript and translation."""
    return [word.text for word in hypothesis.words], hypothesis.translation


def test_sizes_are_told_smallest_first_and_only_where_there_is_a_choice(
    elastic: Gemma3nEngine, sliced: Gemma3nEngine
) -> None:
    assert elastic.info.sizes == ("small", "whole")
    assert sliced.info.sizes == ()
    assert isinstance(elastic.open_stream(SPANISH), ElasticStream)


def test_each_size_says_what_a_checkpoint_of_that_size_says(
    elastic: Gemma3nEngine, sliced: Gemma3nEngine, clip: Waveform
) -> None:
    with closing(whole_engine()) as whole:
        large, small = recognise(whole, clip), recognise(sliced, clip)
    assert said(large) != said(small)
    for options, expected in ((None, large), ("whole", large), ("small", small)):
        found = recognise(elastic, clip, StreamOptions(language="es", translate=True, size=options))
        assert said(found) == said(expected)
        assert [word.confidence for word in found.words] == pytest.approx(
            [word.confidence for word in expected.words], abs=1e-3
        )


def test_an_utterance_that_changed_and_changed_back_before_it_was_read_never_changed(
    elastic: Gemma3nEngine, clip: Waveform
) -> None:
    expected = recognise(elastic, clip)
    stream = elastic.open_stream(SPANISH)
    stream.use_size("small")
    stream.accept_waveform(clip)
    stream.use_size("whole")
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    assert said(hypothesis) == said(expected)


def test_the_next_decode_is_of_the_new_size_and_a_new_utterance_knows_nothing_of_it(
    elastic: Gemma3nEngine, clip: Waveform
) -> None:
    run: list[int] = []
    counted = (
        elastic.submodels["whole"].language_model.layers[4].self_attn.register_forward_hook(lambda *_: run.append(4))
    )
    stream = elastic.open_stream(SPANISH)
    passes = []
    for number, size in enumerate(["whole", "small", "whole"]):
        stream.use_size(size)
        stream.accept_waveform(clip[number * SAMPLE_RATE : (number + 1) * SAMPLE_RATE])
        assert stream.decode() is not None
        passes.append(len(run))
    counted.remove()
    assert 0 < passes[0] == passes[1] < passes[2]
    assert said(recognise(elastic, clip)) == said(recognise(elastic, np.array(clip)))


def test_one_size_from_a_file_is_the_sliced_checkpoint(sliced: Gemma3nEngine, clip: Waveform, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text("ffn = 160\nskip = [4]\n")
    with closing(open_engine(str(MODEL), str(tmp_path / "small.toml"))) as engine:
        assert isinstance(engine, Gemma3nEngine)
        assert engine.info.sizes == ()
        assert said(recognise(engine, clip)) == said(recognise(sliced, clip))


def test_auto_is_the_whole_model_where_it_holds_no_published_size(clip: Waveform) -> None:
    with closing(whole_engine()) as whole, closing(open_engine(str(MODEL), "auto")) as engine:
        assert isinstance(engine, Gemma3nEngine)
        assert engine.info.sizes == ()
        assert said(recognise(engine, clip)) == said(recognise(whole, clip))


def test_sizes_that_are_not_there_are_named(elastic: Gemma3nEngine) -> None:
    with pytest.raises(UsageError, match="size 'e2b' does not fit the model: skip names layer 20"):
        open_engine(str(MODEL), "e2b")
    with pytest.raises(UsageError, match="There is no size 'e3b'"):
        resolve_model(str(MODEL), "e3b")
    with pytest.raises(UsageError, match=r"was not opened at the size 'e2b'\. It has small, whole"):
        elastic.open_stream(StreamOptions(language="es", size="e2b"))


def test_whisper_has_one_size() -> None:
    for use in (resolve_model, open_engine):
        with pytest.raises(UsageError, match=r"whisper-base has one size only, and no 'e2b'\. gemma-3n-e4b has"):
            use("whisper-base", "e2b")
    assert resolve_model("whisper-base", "auto").size == "auto"
    assert resolve_model("whisper-base").size is None


@pytest.mark.parametrize("command", ["transcribe", "live"])
def test_the_commands_name_a_size_that_is_not_there_before_they_load_anything(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path))
    clip = REPOSITORY / "speech3n" / "examples" / "es-keywords.flac"
    with pytest.raises(SystemExit) as ended:
        main([command, str(clip), "--model", "gemma-3n-e4b", "--size", "e3b"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "There is no size 'e3b'. Sizes are e2b and e4b, or a file." in error
    assert error.count("\n") == 1


def test_a_file_is_transcribed_at_a_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "narrow.toml").write_text("ffn = 24\n")
    clip = REPOSITORY / "speech3n" / "examples" / "es-keywords.flac"
    printed = []
    for size in ([], ["--size", "auto"], ["--size", str(tmp_path / "narrow.toml")]):
        with pytest.raises(SystemExit) as ended:
            main(["transcribe", str(clip), "--model", str(MODEL), "--language", "es", "--quiet", *size])
        assert not ended.value.code
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
