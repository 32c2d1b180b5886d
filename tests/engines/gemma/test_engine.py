"""The engine around a small random Gemma 3n: what it says means nothing, how it behaves does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from speech3n.engines.base import Engine, EngineStream, StreamOptions
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.engines.registry import open_engine
from speech3n.errors import EngineError, ModelError, UsageError
from speech3n.models.gemma3n.checkpoint import save
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Hypothesis, Waveform
from tests.models.gemma3n.pairs import randomise, small_config

VISION, AUDIO, VOCABULARY = 310, 318, 374
"""Where the ids of images and of sounds begin, and where all end; as in the real model, after those of text."""
TURNS = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
BEGIN, END, SOFT = "<start_of_audio>", "<end_of_audio>", "<audio_soft_token>"
SAYINGS = ["En este mismo valle, el río llegaba hasta el mar todos los meses del año.", "user model no hay más pan"]


def engine_config() -> Gemma3nConfig:
    """A config of very few layers whose vocabulary has room for all bytes."""
    layers = ["sliding_attention", "full_attention"] * 2
    data = small_config((4, 2), layer_types=layers).to_dict()
    data["text_config"] |= {"vocab_size": VOCABULARY, "vocab_size_per_layer_input": VISION}
    data["audio_config"] |= {"vocab_size": VOCABULARY - AUDIO, "vocab_offset": AUDIO}
    data["vision_config"] |= {"vocab_offset": VISION}
    ids = {"boa_token_id": VISION - 1, "eoa_token_id": AUDIO, "audio_token_id": AUDIO + 1, "eos_token_id": [1]}
    return Gemma3nConfig.from_dict(data | ids)


def tokenizer(*, has_audio: bool = True, turns: tuple[str, ...] = TURNS) -> PreTrainedTokenizerFast:
    """Bytes and a few pieces of Spanish words; the tokens around audio where `engine_config` has them."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(turns), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(SAYINGS * 3, trainer)
    unused = iter(f"<unused{number}>" for number in range(VOCABULARY))
    if has_audio:
        while bpe.get_vocab_size() < VISION - 1:
            bpe.add_special_tokens([next(unused)])
        bpe.add_special_tokens([BEGIN])
        while bpe.get_vocab_size() < AUDIO:
            bpe.add_special_tokens([next(unused)])
        bpe.add_special_tokens([END, SOFT])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<bos>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in Hugging Face format that says nothing but pieces of words."""
    folder = tmp_path_factory.mktemp("checkpoint") / "babbler"
    words = tokenizer()
    model = Gemma3n(engine_config()).requires_grad_(False)
    randomise(model, seed=8)
    texts = [words.decode([token]) for token in range(VISION)]
    never = [
        token for token, text in enumerate(texts) if token != 1 and not (text.strip().isalpha() and text != "\ufffd")
    ]
    model.language_model.embed_tokens.weight[never] = 0
    save(model, folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    with closing(open_engine(str(folder))) as engine:
        yield engine


def noise(seconds: float, seed: int = 0) -> Waveform:
    """Noise that is louder and softer, so that moments differ."""
    generator = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    corners = np.arange(0, samples + 4_000, 2_000)
    envelope = np.interp(np.arange(samples), corners, generator.random(len(corners)))
    return (0.3 * envelope * generator.standard_normal(samples)).astype(np.float32)


def finish(stream: EngineStream) -> Hypothesis:
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    return hypothesis


def recognise(engine: Engine, pcm: Waveform, **options: Any) -> Hypothesis:
    stream = engine.open_stream(StreamOptions(**options))
    stream.accept_waveform(pcm)
    return finish(stream)


def texts(hypothesis: Hypothesis) -> list[str]:
    return [word.text for word in hypothesis.words]


def test_a_folder_opens_as_a_native_streaming_engine(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert (engine.info.name, engine.info.streaming) == ("babbler", "native")
    assert engine.info.tasks == {"transcribe", "translate"}
    assert {"en", "es", "de", "ja"} <= engine.info.languages
    assert isinstance(engine.open_stream(StreamOptions()), EngineStream)


def test_words_have_times_within_the_sound_and_probabilities(engine: Engine) -> None:
    stream = engine.open_stream(StreamOptions(language="es"))
    shown = []
    for second in range(4):
        stream.accept_waveform(noise(1.0, second))
        hypothesis = stream.decode()
        assert hypothesis is not None
        shown.append(hypothesis)
    shown.append(finish(stream))
    assert len({tuple(texts(hypothesis)) for hypothesis in shown}) > 1, "the sound must matter, or nothing is tested"
    for second, hypothesis in enumerate(shown, 1):
        assert hypothesis.words
        assert (hypothesis.audio_s, hypothesis.language) == (min(second, 4), "es")
        assert all(0 <= word.start <= word.end <= hypothesis.audio_s for word in hypothesis.words)
        assert all(0 < word.confidence <= 1 for word in hypothesis.words)
        assert all(one.end <= other.start for one, other in pairwise(hypothesis.words))


def test_nothing_new_gives_no_hypothesis(engine: Engine) -> None:
    stream = engine.open_stream(StreamOptions(language="es"))
    assert stream.decode() is None
    stream.accept_waveform(noise(0.5))
    assert stream.decode() is not None
    assert stream.decode() is None
    stream.accept_waveform(np.zeros(0, np.float32))
    assert stream.decode() is None
    finish(stream)
    assert stream.decode() is None


def test_audio_after_the_end_is_an_error(engine: Engine) -> None:
    stream = engine.open_stream(StreamOptions())
    stream.accept_waveform(noise(0.3))
    stream.input_finished()
    with pytest.raises(EngineError, match=r"after input_finished\(\)"):
        stream.accept_waveform(noise(0.3))
    assert stream.decode() is not None


@pytest.mark.parametrize("samples", [0, 1, 100, 512])
@pytest.mark.parametrize("translate", [False, True])
def test_too_little_sound_is_an_empty_hypothesis(engine: Engine, samples: int, translate: bool) -> None:
    stream = engine.open_stream(StreamOptions(language="es", translate=translate))
    stream.accept_waveform(noise(1)[:samples])
    hypothesis = stream.decode()
    assert (hypothesis is None) == (samples == 0)
    expected = Hypothesis((), "es", 1.0, () if translate else None, samples / SAMPLE_RATE)
    assert hypothesis in (None, expected)
    assert finish(stream) == expected


@pytest.mark.parametrize("samples", [513, 640, 2559, 2560, 2561])
def test_little_sound_is_recognised(engine: Engine, samples: int) -> None:
    assert texts(recognise(engine, noise(1)[:samples], language="es"))


def test_silence_never_reaches_the_model(engine: Engine) -> None:
    """An instruct model says something to everything; this one babbles at noise that is barely loud enough."""
    audible = noise(2.0)
    assert recognise(engine, audible * 1e-2).words
    assert not recognise(engine, audible * 1e-4).words
    assert not recognise(engine, audible * 0).words
    late = np.concatenate([audible * 0, audible])
    assert recognise(engine, late).words


def test_silence_and_the_loudest_noise_do_no_harm(engine: Engine) -> None:
    for pcm in (np.zeros(20_000, np.float32), np.ones(20_000, np.float32), noise(1.2) * 1e4):
        hypothesis = recognise(engine, pcm)
        assert all(0 <= word.start <= word.end <= hypothesis.audio_s for word in hypothesis.words)


CHUNKS = st.lists(st.tuples(st.integers(0, 6_000), st.booleans()), max_size=8)


@settings(max_examples=8)
@given(CHUNKS)
def test_any_chopping_gives_the_same_final_words(engine: Engine, chunks: list[tuple[int, bool]]) -> None:
    pcm = noise(1.3, seed=2)
    expected = recognise(engine, pcm, language="es", translate=True)
    with_answers, without = (engine.open_stream(StreamOptions(language="es", translate=True)) for _ in range(2))
    end = 0
    for samples, decodes in [*chunks, (len(pcm), False)]:
        for stream in (with_answers, without):
            stream.accept_waveform(pcm[end : end + samples])
        end += samples
        if decodes:
            with_answers.decode()
    assert finish(without) == expected
    found = finish(with_answers)
    assert (texts(found), found.translation) == (texts(expected), expected.translation)
    assert [word.confidence for word in found.words] == pytest.approx(
        [word.confidence for word in expected.words], abs=0.002
    )


def test_many_cuts_within_soft_tokens_move_no_time(engine: Engine) -> None:
    stream = engine.open_stream(StreamOptions(language="es", interactive=True))
    samples = 2 * FRAME_SAMPLES - 60
    for number in range(12):
        stream.accept_waveform(noise(samples / SAMPLE_RATE, number))
        stream.decode()
        before = stream.cut(samples, 1)
        assert before.audio_s == samples / SAMPLE_RATE
        assert all(word.end <= before.audio_s for word in before.words)
    stream.accept_waveform(noise(2.0))
    after = finish(stream)
    assert after.words
    assert after.audio_s == 2.0
    assert all(0 <= word.start <= word.end <= after.audio_s for word in after.words)


def test_sound_is_kept_though_the_recorder_uses_its_buffer_again(engine: Engine) -> None:
    pcm = noise(0.8)
    stream = engine.open_stream(StreamOptions(language="es"))
    buffer = pcm.copy()
    stream.accept_waveform(buffer)
    buffer[:] = 0
    assert finish(stream) == recognise(engine, pcm, language="es")


def test_streams_know_nothing_of_each_other(engine: Engine) -> None:
    options = StreamOptions(language="es"), StreamOptions(language="fr", translate=True)
    sounds = noise(1.2, 1), noise(1.2, 7)

    def recognise_all(indices: tuple[int, ...]) -> list[list[Hypothesis | None]]:
        streams = {index: engine.open_stream(options[index]) for index in indices}
        found: dict[int, list[Hypothesis | None]] = {index: [] for index in indices}
        for start in range(0, len(sounds[0]), 6_400):
            for index, stream in streams.items():
                stream.accept_waveform(sounds[index][start : start + 6_400])
                found[index].append(stream.decode())
        return [[*found[index], finish(stream)] for index, stream in streams.items()]

    assert recognise_all((0, 1)) == [*recognise_all((0,)), *recognise_all((1,))]


def test_what_is_not_used_is_accepted(engine: Engine) -> None:
    pcm = noise(0.8)
    plain = recognise(engine, pcm)
    assert recognise(engine, pcm, likely_language="es", interactive=True) == plain
    assert (plain.language, plain.language_confidence) == (None, 0.0)


def asked(engine: Engine, **options: Any) -> str:
    assert isinstance(engine, Gemma3nEngine)
    prompt = engine.prompt(StreamOptions(**options))
    return str(engine.tokenizer.decode([*prompt.prefix, *prompt.suffix], skip_special_tokens=False))


def test_the_model_is_asked_for_what_is_wanted(engine: Engine) -> None:
    assert "segment in Spanish:<end_of_turn>" in asked(engine, language="es", target_language="de")
    assert "in Spanish, then translate it into German:" in asked(
        engine, language="es", translate=True, target_language="de"
    )
    assert "in its original language, then translate it into English:" in asked(engine, translate=True)
    assert "translate" not in asked(engine, language="fr", translate=True, target_language="fr")
    assert asked(engine).startswith("<bos><start_of_turn>user\n")
    assert asked(engine).endswith("<start_of_turn>model\n")


def test_the_question_reaches_the_model(engine: Engine) -> None:
    pcm = noise(1.2)
    answers = [recognise(engine, pcm, translate=True, target_language=code) for code in ("de", "fr", "pl")]
    assert len({tuple(texts(answer)) for answer in answers}) > 1


def test_a_language_is_its_own_translation(engine: Engine) -> None:
    pcm = noise(0.8)
    copied = recognise(engine, pcm, language="de", translate=True, target_language="de")
    assert copied.translation == tuple(texts(copied))
    plain = recognise(engine, pcm, language="de")
    assert (copied.words, plain.translation) == (plain.words, None)


def test_characters_are_words_where_no_spaces_are_written(engine: Engine) -> None:
    assert all(len(text) == 1 for text in texts(recognise(engine, noise(0.8), language="ja")))


@pytest.mark.parametrize("options", [{"language": "xx"}, {"translate": True, "target_language": "spa"}])
def test_a_language_without_a_code_is_refused(engine: Engine, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"babbler does not know the language '(xx|spa)'\. Use an ISO"):
        engine.open_stream(StreamOptions(**options))


def test_a_large_model_is_computed_as_it_lies_and_a_small_one_in_full_precision(folder: Path) -> None:
    def dtypes(dtype: torch.dtype | None) -> set[torch.dtype]:
        with closing(Gemma3nEngine(folder, "model", dtype=dtype)) as engine:
            assert texts(recognise(engine, noise(0.5)))
            return {parameter.dtype for parameter in engine.shared.model.parameters()}

    assert dtypes(None) == {torch.float32}
    assert dtypes(torch.bfloat16) == {torch.bfloat16}


def edit_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for name, value in changes.items():
            section, _, key = name.rpartition("__")
            (config[section] if section else config)[key] = value
        (folder / "config.json").write_text(json.dumps(config))

    return change


def remove(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), "has no tokenizer.json.* Fetch"),
    "no tokenizer.json": (remove("tokenizer.json"), "has no tokenizer.json.* Fetch"),
    "broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be loaded.* Fetch"),
    "tokenizer of something else": (lambda folder: (folder / "tokenizer.json").write_text("[]"), "cannot be loaded"),
    "no audio tokens": (
        lambda folder: tokenizer(has_audio=False).save_pretrained(folder),
        r"no token 309, the boa_token_id .* tokenizer that belongs to the checkpoint",
    ),
    "no turns": (
        lambda folder: tokenizer(turns=("<bos>",)).save_pretrained(folder),
        "<start_of_turn> for one special token.* tokenizer that belongs",
    ),
    "config without weights": (remove("model.safetensors"), "has no model.safetensors.* Fetch"),
    "config of text": (lambda folder: (folder / "config.json").write_text("{"), "is not valid JSON.* (Fetch|Copy)"),
    "size of text": (edit_config(text_config__hidden_size="64"), "not a valid Gemma 3n configuration: hidden_size"),
    "odd heads": (edit_config(text_config__num_key_value_heads=3), "multiple of num_key_value_heads"),
    "other size": (edit_config(text_config__laurel_rank=5), "do not fit its config.json: .*laurel.* Fetch"),
    "other model": (edit_config(model_type="gemma3"), "model of type 'gemma3'.* model folder holds"),
}


@pytest.mark.parametrize("damage", DAMAGES.keys())
def test_what_is_broken_is_named_on_one_line_with_what_to_do(folder: Path, tmp_path: Path, damage: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    change, message = DAMAGES[damage]
    change(broken)
    with pytest.raises(ModelError, match=message) as error:
        open_engine(str(broken))
    assert "\n" not in str(error.value)
    assert str(broken) in str(error.value)
    assert error.value.hint
