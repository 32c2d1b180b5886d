"""The model that fine-tuning begins with: a checkpoint whose matrices can learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from speech3n.audio.frontend import FrontendConfig
from speech3n.errors import ModelError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.elastic import sizes_of
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.quantisation import dequantise, read_formats
from speech3n.models.gemma3n.sizes import Size
from speech3n.training.tokenizer import open_tokenizer

_LARGE = 100_000_000
"""Parameters from which a model is not brought into float32 as a whole."""


@dataclass(frozen=True, slots=True)
class Base:
    """A checkpoint folder, its tokenizer, its model without quantised matrices, and the smallest size that is in it."""

    folder: Path
    tokenizer: Any
    model: Gemma3n
    smallest: Size | None


def open_base(folder: Path, device: str, *, is_frozen: bool) -> Base:
    """Load a checkpoint; raises ModelError.

    Small models compute in float32. Of large ones the weights that stay `is_frozen` are the mapped file itself, and
    nothing is copied; those that learn are in float32, because small steps get lost in bfloat16. Their per-layer
    embeddings, of which a few rows are read and none learns, always stay as in the file.
    """
    if FrontendConfig.read(folder) != FrontendConfig():
        raise ModelError(f"'{folder}' has another front end than Gemma 3n's.", "Take another checkpoint.")
    tokenizer, config = open_tokenizer(folder)
    model = checkpoint.load(folder, device=device)
    is_large = sum(weights.numel() for weights in model.state_dict().values()) >= _LARGE
    if is_large and read_formats(folder):
        raise ModelError(
            f"'{folder}' is quantised, and in full it takes more memory than the checkpoint that it was made of.",
            "Fine-tune that one, and quantise what comes out: `speech3n models quantize`.",
        )
    if not is_large:
        dequantise(model)
        model.float()
    elif not is_frozen:
        decoder = model.language_model
        table, decoder.embed_tokens_per_layer = decoder.embed_tokens_per_layer, nn.Embedding(1, 1)
        model.float()
        decoder.embed_tokens_per_layer = table
    sizes = sizes_of(config.text, Capabilities.read(folder).sizes)
    smaller = [size for size in sizes if not size.of(config.text).is_whole(config.text)]
    return Base(folder, tokenizer, model.requires_grad_(False), smaller[0] if smaller else None)
