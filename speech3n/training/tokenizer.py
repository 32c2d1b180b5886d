"""Tokenizers: that of a checkpoint, and new ones laid out as Gemma's (control tokens, text, then images and audio)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError
from speech3n.models.gemma3n.config import Gemma3nConfig

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_audio>"]
# In Gemma's order: ids of the vision vocabulary, then those of the audio vocabulary, whose last stands for no audio.
VISION = ["<image_soft_token>", "<end_of_image>"]
AUDIO = ["<end_of_audio>", "<audio_soft_token>", "<audio_unused>", "<audio_padding>"]


def train_tokenizer(texts: Iterable[str], size: int, longest: int) -> Any:
    """A byte-level BPE tokenizer (transformers) that can write any text; ids from `size` on are images and sounds.

    `longest` is how many positions the model has.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in [*VISION, *AUDIO]])
    wrapped: Any = PreTrainedTokenizerFast
    return wrapped(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
        model_max_length=longest,
    )


def open_tokenizer(folder: Path) -> tuple[Any, Gemma3nConfig]:
    """Tokenizer (transformers) and config of a checkpoint folder; raises ModelError."""
    from transformers import AutoTokenizer

    config = Gemma3nConfig.read(folder)
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True), config
    except (OSError, ValueError) as error:
        raise ModelError(f"'{folder}' holds no tokenizer: {error}.", "Copy or make it anew.") from error
