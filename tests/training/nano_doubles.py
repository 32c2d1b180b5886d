"""A nano small enough for tests, and features of clips that nobody spoke."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from speech3n.eval.sets.audio_files import write_wav
from speech3n.models.gemma3n.config import FULL, SLIDING, Gemma3nConfig
from speech3n.models.gemma3n.sizes import Size
from speech3n.training.data.augment.features import FeatureAugmentation
from speech3n.training.data.features import FeatureStore, FeatureWriter
from speech3n.training.data.sentences import Sentence
from speech3n.training.data.shards import ShardClip
from speech3n.training.nano.batches import NanoDataConfig
from speech3n.training.nano.model import FOLDER
from speech3n.training.tokenizer import open_tokenizer
from speech3n.types import Waveform

TEXTS = {
    "en": "A small green house stands there.",
    "es": "¿Dónde está el niño?",
    "fr": "Ça va très bien, merci.",
    "it": "Perché no?",
    "pt": "A canção é bonita.",
}
SMALL_HALF = Size("half", 16)
SENTENCES = [Sentence("Hola.", "Hello.", "es", "es", "test"), Sentence("Ciao a tutti.", "Hi all.", "it", "it", "test")]
NO_AUGMENTATION = FeatureAugmentation().scaled(0)
"""Everything as it was."""
DATA = NanoDataConfig(batch_frames=400, sentences=2, seed=4)


def small_nano() -> tuple[Any, Gemma3nConfig]:
    """Nano's tokenizer, and its shape with fewer and narrower layers."""
    tokenizer, config = open_tokenizer(FOLDER)
    audio = replace(
        config.audio,
        hidden_size=16,
        conf_num_attention_heads=2,
        conf_num_hidden_layers=2,
        sscp_conv_channel_size=(4, 2),
    )
    text = replace(
        config.text,
        hidden_size=16,
        intermediate_size=(32,) * 3,
        num_hidden_layers=3,
        layer_types=(SLIDING, FULL, FULL),
        num_kv_shared_layers=1,
        activation_sparsity_pattern=(0.5, 0.0, 0.0),
        num_attention_heads=2,
        head_dim=8,
        hidden_size_per_layer_input=4,
        laurel_rank=4,
    )
    return tokenizer, replace(config, audio=audio, text=text)


def sound(seconds: float, seed: int) -> Waveform:
    """A syllable every 200 ms."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 0.01
    tone = np.sin(2 * np.pi * (200 + 50 * seed) * time) * (np.sin(2 * np.pi * 5 * time) > 0)
    return (0.3 * tone + noise).astype(np.float32)


def feature_store(folder: Path, clips: int = 10) -> FeatureStore:
    """Clips of half a second and more in five languages."""
    writer = FeatureWriter(folder)
    made = []
    for number in range(clips):
        language = list(TEXTS)[number % 5]
        translation = None if language == "en" else "Something in English."
        made.append(
            (ShardClip(0, 1, language, TEXTS[language], translation, "nobody", "test"), sound(1 + number / 10, number))
        )
    writer.add("clips", made)
    return FeatureStore([folder])


def write_manifest(folder: Path, clips: int, **changes: Any) -> Path:
    """Clips of a second, with a text each."""
    lines = []
    for number in range(clips):
        write_wav(folder / f"{number}.wav", sound(1 + number / 20, number))
        language = list(TEXTS)[number % 5]
        translation = None if language == "en" else "Something."
        text = f"{TEXTS[language]} {'abcdefghijklmnopqrst'[number]}"
        lines.append({"audio": f"{number}.wav", "language": language, "text": text, "translation_en": translation})
    lines[0] |= changes
    path = folder / "clips.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
