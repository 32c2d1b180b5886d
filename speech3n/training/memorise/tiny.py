"""The smallest Gemma 3n with everything that the large ones have: its shape and its vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from speech3n.models.gemma3n.config import FULL, SLIDING, AudioConfig, Gemma3nConfig, TextConfig
from speech3n.training.tokenizer import AUDIO, VISION
from speech3n.training.tokenizer import train_tokenizer as train_bpe

_TEXT_VOCABULARY = 896
_LAYERS = (SLIDING, SLIDING, SLIDING, FULL, SLIDING, FULL)
_SHARED_LAYERS = 2


def train_tokenizer(texts: Iterable[str]) -> Any:
    """A byte-level BPE vocabulary of a few hundred entries that can write any text."""
    return train_bpe(texts, _TEXT_VOCABULARY, _text_config(0, 0).max_position_embeddings)


def tiny_config(tokenizer: Any) -> Gemma3nConfig:
    """The shape: less than a million parameters, with a sliding window that short clips already exceed."""
    vision, audio = (tokenizer.convert_tokens_to_ids(names[0]) for names in (VISION, AUDIO))
    return Gemma3nConfig(
        audio=AudioConfig(
            vocab_size=len(AUDIO),
            vocab_offset=audio,
            hidden_size=64,
            conf_num_attention_heads=4,
            conf_num_hidden_layers=3,
            sscp_conv_channel_size=(16, 8),
        ),
        text=_text_config(audio + len(AUDIO), vision),
        boa_token_id=tokenizer.convert_tokens_to_ids("<start_of_audio>"),
        eoa_token_id=audio,
        audio_token_id=audio + 1,
        eos_token_ids=(1, tokenizer.convert_tokens_to_ids("<end_of_turn>")),
        vision_vocab_offset=vision,
    )


def _text_config(vocabulary: int, per_layer_vocabulary: int) -> TextConfig:
    return TextConfig(
        vocab_size=vocabulary,
        vocab_size_per_layer_input=per_layer_vocabulary,
        hidden_size=80,
        intermediate_size=(192,) * len(_LAYERS),
        num_hidden_layers=len(_LAYERS),
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        max_position_embeddings=2048,
        sliding_window=64,
        layer_types=_LAYERS,
        hidden_size_per_layer_input=16,
        num_kv_shared_layers=_SHARED_LAYERS,
        laurel_rank=16,
        activation_sparsity_pattern=(0.8, 0.8, 0.0, 0.0, 0.0, 0.0),
    )
