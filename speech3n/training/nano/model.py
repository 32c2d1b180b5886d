"""speech3n-nano: its shape, its vocabulary, and the folder in which both are kept.

python -m speech3n.training.nano.model --sentences TEXT --speech SHARDS --output speech3n/nano
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import nn

from speech3n.errors import Speech3nError
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.config import FULL, SLIDING, AudioConfig, Gemma3nConfig, TextConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from speech3n.store import model_folder
from speech3n.training.data.sentences import read_sentences, reserved_texts
from speech3n.training.data.shards import find_shards, read_shard
from speech3n.training.nano.synthesis.voices import LANGUAGES
from speech3n.training.new_checkpoint import count_parameters, first_weights, save_companions
from speech3n.training.tasks import TARGET, Task, tasks_for
from speech3n.training.tokenizer import AUDIO, VISION, train_tokenizer

FOLDER = model_folder("nano")
"""The checkpoint that comes with speech3n; until `speech3n.training.nano.ship` fills it, config and tokenizer alone."""
VOCABULARY = 3072
FFN, HALF_FFN = 1024, 512
HALF = Size("half", HALF_FFN)
"""The submodel that is trained inside the whole one (MatFormer)."""
_MAX_UTTERANCE_S = 10.0
"""Clips are shorter than 14 s, most than 8 s, and are joined up to 12 s; longer speech it cannot follow."""
CAPABILITIES = Capabilities(frozenset(LANGUAGES), frozenset({TARGET}), _MAX_UTTERANCE_S, {HALF.name: HALF})
"""What it is trained for."""
_LAYERS = (SLIDING, SLIDING, SLIDING, SLIDING, FULL, SLIDING, SLIDING, FULL)
_SHARED_LAYERS = 3
_FIRST_SCALE = 0.2
_POSITIONS = 2048
_SENTENCES = 12_000
"""From each language, for the vocabulary."""


def nano_config(tokenizer: Any) -> Gemma3nConfig:
    """The shape: 9.7 M parameters in the encoder, 9.7 M in the decoder, layers in E2B's proportions.

    Two AltUp streams instead of four and a convolution of 32 channels instead of 128: at this width they would
    cost more time than the matrices.
    """
    vision, audio = (tokenizer.convert_tokens_to_ids(names[0]) for names in (VISION, AUDIO))
    return Gemma3nConfig(
        audio=AudioConfig(
            vocab_size=len(AUDIO),
            vocab_offset=audio,
            hidden_size=224,
            conf_num_attention_heads=4,
            conf_num_hidden_layers=8,
            sscp_conv_channel_size=(32, 16),
        ),
        text=TextConfig(
            vocab_size=audio + len(AUDIO),
            vocab_size_per_layer_input=vision,
            hidden_size=256,
            intermediate_size=(FFN,) * len(_LAYERS),
            num_hidden_layers=len(_LAYERS),
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=64,
            max_position_embeddings=_POSITIONS,
            sliding_window=256,
            layer_types=_LAYERS,
            hidden_size_per_layer_input=32,
            altup_num_inputs=2,
            num_kv_shared_layers=_SHARED_LAYERS,
            laurel_rank=32,
            activation_sparsity_pattern=(0.5, 0.5, *[0.0] * (len(_LAYERS) - 2)),
        ),
        boa_token_id=tokenizer.convert_tokens_to_ids("<start_of_audio>"),
        eoa_token_id=audio,
        audio_token_id=audio + 1,
        eos_token_ids=(1, tokenizer.convert_tokens_to_ids("<end_of_turn>")),
        vision_vocab_offset=vision,
    )


def new_nano(config: Gemma3nConfig, seed: int) -> Gemma3n:
    """First weights, the same for the same seed.

    What a layer adds goes through a norm of its own: it is as large as what it is added to, however small its matrices
    are, and the mean over the past that attention begins with would wipe out the present. Small scales of these
    norms make eight layers begin as nearly none.
    """
    torch.manual_seed(seed)
    model = first_weights(config)
    for name, parameter in model.named_parameters():
        if ".post_" in name and name.endswith("norm.weight"):
            nn.init.constant_(parameter, _FIRST_SCALE)
        elif name.endswith("input_proj_linear.weight"):
            # What comes out of the convolutions is positive: rows that sum to zero leave out what never changes.
            nn.init.normal_(parameter, std=3 * parameter.shape[1] ** -0.5)
            parameter.data.sub_(parameter.data.mean(1, keepdim=True))
    return model


@dataclass(frozen=True, slots=True)
class Texts:
    """What the vocabulary is made from."""

    sentences: Path
    speech: Sequence[Path]
    seed: int

    def all(self) -> Iterator[str]:
        """As many sentences of each language, the transcripts, and what frames every prompt and answer."""
        reserved = reserved_texts(sorted(self.sentences.glob("valid.*")))
        for language in LANGUAGES:
            sentences = read_sentences(self.sentences, language, reserved)
            order = np.random.default_rng(self.seed).permutation(len(sentences))[:_SENTENCES]
            for index in order:
                yield sentences[index].text
                yield sentences[index].translation_en or ""
        for folder in self.speech:
            for shard in find_shards(folder):
                for clip in read_shard(shard):
                    yield clip.text
                    yield Task(None, True).answer(clip.text, clip.translation_en or clip.text)
        for language in LANGUAGES:
            for task in tasks_for(language):
                # As often as it takes for each of their words to become one token.
                yield from ["user\n\n\n", "\n\n", "model\n", task.instruction] * 500


@click.command()
@click.option("--sentences", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--speech", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", default=FOLDER, show_default=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True)
def main(sentences: Path, speech: tuple[Path, ...], output: Path, seed: int) -> None:
    """Make the vocabulary and the config of nano."""
    try:
        tokenizer = train_tokenizer(Texts(sentences, speech, seed).all(), VOCABULARY, _POSITIONS)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error
    config = nano_config(tokenizer)
    output.mkdir(parents=True, exist_ok=True)
    save_companions(output, tokenizer, config)
    (output / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n", "utf-8")
    CAPABILITIES.write(output)
    model = Gemma3n(config)
    parts = {"encoder": model.audio_tower, "decoder": model.language_model, "bridge": model.embed_audio}
    sizes = ", ".join(f"{name} {count_parameters(part) / 1e6:.2f} M" for name, part in parts.items())
    click.echo(f"{output}: {len(tokenizer)} tokens, {sizes}.")


if __name__ == "__main__":
    main()
