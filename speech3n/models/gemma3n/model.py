"""Gemma 3n for speech: audio encoder and decoder, joined by token ids of which some stand for soft tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speech3n.layers.cache import KVCache
from speech3n.models.gemma3n.audio import AudioEmbedder, AudioEncoder
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.text import TextDecoder


class Gemma3n(nn.Module):
    """The weights of a checkpoint, without its vision tower; holds nothing of any stream.

    Keys of its state dict are those of the checkpoint after `model.`.
    """

    def __init__(self, config: Gemma3nConfig) -> None:
        super().__init__()
        self.config = config
        self.audio_tower = AudioEncoder(config.audio)
        self.embed_audio = AudioEmbedder(config.audio, config.text)
        self.language_model = TextDecoder(config.text)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_audio.embedding.weight.device

    def encode(self, mel: Tensor, mask: Tensor | None = None, *, pad_to: int | None = None) -> Tensor:
        """Whole clips of log-mel frames [B, T, bins] to embedded soft tokens [B, tokens, D].

        Tokens outside `mask` [B, T], and those added up to `pad_to`, hold the embedding of the last id of the
        audio vocabulary, as transformers has it (which pads every clip to 188).
        """
        tokens, token_mask = self.audio_tower(mel, mask)
        embedded: Tensor = self.embed_audio(tokens)
        if token_mask is not None:
            embedded = torch.where(token_mask[..., None], embedded, self.audio_padding)
        if pad_to is not None and pad_to > embedded.shape[1]:
            padding = self.audio_padding.expand(embedded.shape[0], pad_to - embedded.shape[1], -1)
            embedded = torch.cat([embedded, padding], 1)
        return embedded

    @property
    def audio_padding(self) -> Tensor:
        """The embedding [D] that stands where there is no audio."""
        last = self.config.text.vocab_size - 1
        return self.embed_audio.embed_ids(torch.tensor(last, device=self.device))

    def embed(self, ids: Tensor, soft_tokens: Tensor | None = None) -> Tensor:
        """Ids [B, T] to [B, T, D]; each `audio_token_id` takes the next of `soft_tokens` [B, tokens, D]."""
        config = self.config
        is_audio = ids >= config.audio.vocab_offset
        embedded = self.language_model.embed(ids.masked_fill(is_audio, 0))
        if bool(is_audio.any()):
            audio_ids = torch.where(is_audio, ids, config.audio.vocab_offset)
            embedded = torch.where(is_audio[..., None], self.embed_audio.embed_ids(audio_ids), embedded)
        if soft_tokens is not None:
            is_soft = (ids == config.audio_token_id)[..., None]
            embedded = embedded.masked_scatter(is_soft, soft_tokens.to(embedded.dtype))
        return embedded

    def forward(
        self, ids: Tensor, soft_tokens: Tensor | None = None, cache: KVCache | None = None, read: int | None = None
    ) -> Tensor:
        """Logits [B, read, V] of the last `read` positions of ids [B, T], or of all of them.

        The ids follow what `cache` holds and are added to it. No position whose logits are not read is computed
        further than the keys and values of the last layer that has its own.
        """
        return self.language_model.logits(self.read(ids, soft_tokens, cache, read))

    def read(
        self, ids: Tensor, soft_tokens: Tensor | None = None, cache: KVCache | None = None, read: int | None = None
    ) -> Tensor:
        """As `forward`, but the hidden states [B, read, D] that the logits are made of."""
        embedded = self.embed(ids, soft_tokens)
        hidden: Tensor = self.language_model(embedded, self.language_model.embed_per_layer(ids), cache, read)
        return hidden
