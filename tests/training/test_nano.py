"""Nano as it is committed: its vocabulary writes every language, its shape is E2B's in small."""

from pathlib import Path

import pytest
import torch

from speech3n.errors import ModelError
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.nano.model import CAPABILITIES, FOLDER, HALF, nano_config, new_nano
from speech3n.training.new_checkpoint import count_parameters
from speech3n.training.tasks import PromptEncoder, tasks_for
from speech3n.training.tokenizer import open_tokenizer
from tests.training.nano_doubles import TEXTS


def test_the_vocabulary_writes_any_text_and_names_every_control_token_once() -> None:
    tokenizer, config = open_tokenizer(FOLDER)
    prompts = PromptEncoder(tokenizer, config)
    for text in (*TEXTS.values(), "“Où ?” — ¡sí! 3 °C \U0001f600", "", " two  spaces\n\nand lines "):
        ids = prompts.answer(text)
        assert prompts.text(ids) == text
        assert ids[-1] == prompts.end_of_turn
        assert max(ids) < config.vision_vocab_offset
    for name in ("<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_audio>", "<end_of_audio>"):
        assert len(tokenizer.encode(name, add_special_tokens=False)) == 1


def test_speech_takes_few_tokens_and_instructions_hardly_any() -> None:
    tokenizer, config = open_tokenizer(FOLDER)
    prompts = PromptEncoder(tokenizer, config)
    for language, text in TEXTS.items():
        assert len(prompts.answer(text)) <= 0.5 * len(text)
        for task in tasks_for(language):
            prompt = prompts.prompt(task)
            assert len(prompt.prefix) + len(prompt.suffix) <= 32


def test_the_committed_config_is_that_of_the_code() -> None:
    tokenizer, config = open_tokenizer(FOLDER)
    assert config == nano_config(tokenizer) == Gemma3nConfig.read(FOLDER)
    assert Capabilities.read(FOLDER) == CAPABILITIES


def test_the_sizes_are_those_that_were_asked_for() -> None:
    _, config = open_tokenizer(FOLDER)
    with torch.device("meta"):
        model = Gemma3n(config)
    assert 8e6 < count_parameters(model.audio_tower) < 12e6
    assert 8e6 < count_parameters(model.language_model) < 15e6
    # In bfloat16 with the bridge: about 40 MB; in int8, which is what ships, 20.
    assert count_parameters(model) < 21e6
    assert HALF.of(config.text).widths == (512,) * config.text.num_hidden_layers
    assert config.text.num_kv_shared_layers > 0


def test_first_weights_depend_on_the_seed_alone() -> None:
    _, config = open_tokenizer(FOLDER)
    one, other, third = (new_nano(config, seed).embed_audio.embedding_projection.weight for seed in (1, 1, 2))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        open_tokenizer(tmp_path)
