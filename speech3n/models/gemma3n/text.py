"""The decoder: AltUp streams, LAuReL, per-layer embeddings, and upper layers that read the middle ones' keys.

Because layers from `first_shared_layer` on have no keys and values of their own, a position whose logits nobody
reads needs no more than the layers before: prefill stops there. Modules carry the names of the checkpoint's
`language_model`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from speech3n.layers.cache import KVCache
from speech3n.layers.causal_attention import CausalAttention
from speech3n.layers.embedding import Int8Rows, TokenEmbedding, table_of
from speech3n.layers.norm import RMSNorm
from speech3n.layers.pages import prefetch_rows
from speech3n.layers.rope import Rotation
from speech3n.models.gemma3n.config import SLIDING, TextConfig
from speech3n.models.gemma3n.text_layers import Attention, DecoderLayer, Positions

_SMALLEST_MEAN_SQUARE = 1e-5


class TextDecoder(nn.Module):
    """Embedded tokens [B, T, D] to hidden states, with a cache of keys and values that grows at the end."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        width, eps, layers = config.hidden_size, config.rms_norm_eps, config.num_hidden_layers
        inner = config.hidden_size_per_layer_input
        self.embed_tokens = TokenEmbedding(config.vocab_size, width)
        self.embed_tokens_per_layer = nn.Embedding(config.vocab_size_per_layer_input, layers * inner)
        self.layers = nn.ModuleList(DecoderLayer(config, layer) for layer in range(layers))
        self.norm = RMSNorm(width, eps)
        self.per_layer_model_projection = nn.Linear(width, layers * inner, bias=False)
        self.per_layer_projection_norm = RMSNorm(inner, eps)
        others = range(1, config.altup_num_inputs)
        self.altup_projections = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in others)
        self.altup_unembed_projections = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in others)

    def new_cache(self) -> KVCache:
        """An empty cache for `forward`."""
        return KVCache(self.config.first_shared_layer)

    def embed(self, ids: Tensor) -> Tensor:
        """Ids of the text vocabulary [B, T] to [B, T, D]."""
        return _scaled(self.embed_tokens(ids), self.config.hidden_size)

    def embed_per_layer(self, ids: Tensor) -> Tensor:
        """The embeddings of ids [B, T] for each layer, [B, T, layers, P]; ids outside the table read row 0."""
        config = self.config
        rows = torch.where((ids >= 0) & (ids < config.vocab_size_per_layer_input), ids, 0)
        if isinstance(self.embed_tokens_per_layer, nn.Embedding | Int8Rows) and ids.numel() > 1:
            prefetch_rows(table_of(self.embed_tokens_per_layer), rows)
        looked_up = _scaled(self.embed_tokens_per_layer(rows), config.hidden_size_per_layer_input)
        shaped: Tensor = looked_up.view(*ids.shape, config.num_hidden_layers, -1)
        return shaped

    def forward(self, x: Tensor, per_layer: Tensor, cache: KVCache | None = None, read: int | None = None) -> Tensor:
        """Hidden states of the last `read` positions [B, read, D]; of all where `read` is None.

        `x` [B, T, D] follows what `cache` holds and is added to it; `per_layer` [B, T, layers, P] comes from
        `embed_per_layer`. Positions that are not read stop at the last layer with keys of its own.
        """
        config = self.config
        time = x.shape[1]
        read = time if read is None else read
        start = cache.length if cache is not None else 0
        per_layer = self._project_per_layer(x, per_layer)
        positions = self._positions(start, time, x)
        kept: dict[int, tuple[Tensor, Tensor]] = {}
        streams = self._spread(x)
        for index, layer in enumerate(self._layers):
            predictions, normed = layer.before(streams)
            if layer.self_attn.has_own_keys:
                new = layer.self_attn.keys_values(normed, positions)
                kept[index] = new if cache is None else cache.append(index, *new)
            if index == config.first_shared_layer - 1 and read < time:
                if read == 0:
                    break
                predictions, normed, per_layer = (part[:, -read:] for part in (predictions, normed, per_layer))
                positions = self._last_positions(positions, start + time, read)
            attended = layer.self_attn(normed, positions, *kept[config.kv_layer(index)])
            streams = layer.after(predictions, normed, attended, per_layer[:, :, index])
        if cache is not None:
            cache.advance(time)
        return self._gather(streams) if read else x[:, :0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [B, T, D] to logits [B, T, V], by the token embedding."""
        cap = self.config.final_logit_softcapping
        logits: Tensor = self.embed_tokens.logits(hidden)
        if torch.is_grad_enabled():
            return torch.tanh(logits / cap) * cap
        return logits.div_(cap).tanh_().mul_(cap)

    def attention(self, layer: int) -> Attention:
        """The attention of a layer."""
        return self._layers[layer].self_attn

    @property
    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]

    def _positions(self, start: int, time: int, like: Tensor) -> Positions:
        config = self.config
        thetas = dict.fromkeys(config.layer_types, config.rope_theta)
        if SLIDING in thetas:
            thetas[SLIDING] = config.rope_local_base_freq
        rotations = {kind: Rotation.at(start, time, config.head_dim, theta, like) for kind, theta in thetas.items()}
        return Positions(rotations, self._attention(start + time, time))

    def _last_positions(self, positions: Positions, length: int, read: int) -> Positions:
        rotations = {kind: rotation.last(read) for kind, rotation in positions.rotations.items()}
        return Positions(rotations, self._attention(length, read))

    def _attention(self, length: int, queries: int) -> dict[str, CausalAttention]:
        windows = {kind: self.config.sliding_window if kind == SLIDING else None for kind in self.config.layer_types}
        return {kind: CausalAttention(length, queries, window) for kind, window in windows.items()}

    def _project_per_layer(self, x: Tensor, looked_up: Tensor) -> Tensor:
        projected = self.per_layer_model_projection(x) * self.config.hidden_size**-0.5
        normed: Tensor = self.per_layer_projection_norm(projected.view_as(looked_up))
        return (normed + looked_up) * math.sqrt(0.5)

    def _spread(self, x: Tensor) -> Tensor:
        """The AltUp streams [B, T, A, D] of embedded tokens, all as large as the first."""
        others = [_as_large_as(x, project(x)) for project in self.altup_projections]
        return torch.stack([x, *others], 2)

    def _gather(self, streams: Tensor) -> Tensor:
        """The mean of the streams, brought back to one space and size, [B, T, D]."""
        first, *others = streams.unbind(2)
        gathered = [first]
        for project, stream in zip(self.altup_unembed_projections, others, strict=True):
            gathered.append(_as_large_as(first, project(stream)))
        normed: Tensor = self.norm(torch.stack(gathered).mean(0))
        return normed


def _scaled(embedded: Tensor, width: int) -> Tensor:
    """Embeddings times the root of their width, rounded to their type as the checkpoint was trained with it."""
    return embedded * torch.tensor(width**0.5, dtype=embedded.dtype, device=embedded.device)


def _as_large_as(model: Tensor, x: Tensor) -> Tensor:
    """`x` scaled to the root mean square of `model`, both [..., D]."""
    target = model.square().mean(-1, keepdim=True) ** 0.5
    return x * target / x.square().mean(-1, keepdim=True).clamp_min(_SMALLEST_MEAN_SQUARE).sqrt()
