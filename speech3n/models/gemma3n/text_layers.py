"""A layer of the decoder and its parts: attention, sparse feed-forward, LAuReL and AltUp.

Modules carry the names of the checkpoint's `language_model.layers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.layers.causal_attention import CausalAttention
from speech3n.layers.linear import RowLinear
from speech3n.layers.norm import RMSNorm
from speech3n.layers.rope import Rotation
from speech3n.models.gemma3n.config import TextConfig

_PICKING_PAYS = 0.8
"""Sparsity from which computing the open columns of a feed-forward alone is faster than computing all."""


@dataclass(frozen=True, slots=True)
class Positions:
    """How the positions of a pass are rotated and what they see, for each type of layer."""

    rotations: dict[str, Rotation]
    attention: dict[str, CausalAttention]


class Attention(nn.Module):
    """Grouped-query attention with normed queries, keys and values; shared layers have queries only."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        width, dim, eps = config.hidden_size, config.head_dim, config.rms_norm_eps
        self.dim = dim
        self.kind = config.layer_types[layer]
        self.q_proj = nn.Linear(width, config.num_attention_heads * dim, bias=False)
        self.q_norm = RMSNorm(dim, eps)
        self.has_own_keys = layer < config.first_shared_layer
        if self.has_own_keys:
            self.k_proj = nn.Linear(width, config.num_key_value_heads * dim, bias=False)
            self.v_proj = nn.Linear(width, config.num_key_value_heads * dim, bias=False)
            self.k_norm = RMSNorm(dim, eps)
            self.v_norm = RMSNorm(dim, eps, has_scale=False)
        self.o_proj = nn.Linear(config.num_attention_heads * dim, width, bias=False)

    def keys_values(self, x: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
        """Keys and values of [B, T, D], each [B, K, T, head_dim]."""
        keys = self.k_norm(self._split(self.k_proj(x)))
        values: Tensor = self.v_norm(self._split(self.v_proj(x)))
        return positions.rotations[self.kind].apply(keys).transpose(1, 2), values.transpose(1, 2)

    def queries(self, x: Tensor, positions: Positions) -> Tensor:
        """Queries of [B, T, D], [B, T, heads, head_dim]."""
        return positions.rotations[self.kind].apply(self.q_norm(self._split(self.q_proj(x))))

    def forward(self, x: Tensor, positions: Positions, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from the positions [B, T, D]."""
        queries = self.queries(x, positions)
        attended: Tensor = self.o_proj(positions.attention[self.kind](queries, keys, values))
        return attended

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.dim)


class FeedForward(nn.Module):
    """Gated feed-forward; with sparsity, only gates far above the mean of their position stay open."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size[layer]
        self.gate_proj = nn.Linear(width, inner, bias=False)
        sparsity = config.activation_sparsity_pattern[layer]
        self.deviations = NormalDist().inv_cdf(sparsity) if sparsity > 0 else None
        self.picks_rows = sparsity >= _PICKING_PAYS
        self.up_proj = RowLinear(width, inner) if self.picks_rows else nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to the same."""
        gate = self.gate_proj(x)
        if self.deviations is not None:
            deviation, mean = torch.std_mean(gate, -1, correction=0, keepdim=True)
            gate = F.relu(gate - (mean + deviation * self.deviations))
        down: Tensor = self.down_proj(F.gelu(gate, approximate="tanh") * self._up(x, gate))
        return down

    def _up(self, x: Tensor, gate: Tensor) -> Tensor:
        """The values that `gate` is multiplied with; for a single position, only those it lets through are computed."""
        single = x.numel() == x.shape[-1] and x.device.type == "cpu" and not torch.is_grad_enabled()
        if self.picks_rows and single and isinstance(self.up_proj, RowLinear):
            rows = gate.flatten().nonzero().flatten()
            return torch.zeros_like(gate).index_copy_(-1, rows, self.up_proj.some_rows(x, rows))
        full: Tensor = self.up_proj(x)
        return full


class Laurel(nn.Module):
    """Learned augmented residual: a low-rank path around the attention (Menghani et al. 2024)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.linear_left = nn.Linear(config.hidden_size, config.laurel_rank, bias=False)
        self.linear_right = nn.Linear(config.laurel_rank, config.hidden_size, bias=False)
        self.post_laurel_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to the same."""
        added: Tensor = x + self.post_laurel_norm(self.linear_right(self.linear_left(x)))
        return added


class AltUp(nn.Module):
    """Alternating updates (Baykal et al. 2023): a layer computes one of A streams and corrects the others.

    Streams lie side by side, [B, T, A, D].
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        streams = config.altup_num_inputs
        self.active = config.altup_active_idx
        self.clip = config.altup_coef_clip
        self.router_scale = 1 / config.hidden_size
        self.correct_output_scale = nn.Parameter(torch.zeros(config.hidden_size))
        self.correction_coefs = nn.Linear(streams, streams, bias=False)
        self.prediction_coefs = nn.Linear(streams, streams**2, bias=False)
        # Its weight is read below, so it must not be packed.
        self.modality_router = RowLinear(config.hidden_size, streams)
        self.router_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def predict(self, streams: Tensor) -> Tensor:
        """What the layer will make of each stream, as a mixture of them."""
        batch, time, count, width = streams.shape
        mixture = self.prediction_coefs(self._modalities(streams[:, :, self.active]))
        flat = streams.reshape(batch * time, count, width)
        return torch.baddbmm(flat, mixture.view(batch * time, count, count), flat).view_as(streams)

    def correct(self, predictions: Tensor, activated: Tensor) -> Tensor:
        """All streams, once the active one [B, T, D] is known."""
        innovation = activated - predictions[:, :, self.active]
        weights = self.correction_coefs(self._modalities(activated)) + 1.0
        return torch.addcmul(predictions, weights[..., None], innovation[:, :, None])

    def clip_coefficients(self) -> None:
        """Keep the coefficients within their bounds; after each step of training."""
        with torch.no_grad():
            for linear in (self.prediction_coefs, self.correction_coefs):
                linear.weight.clamp_(-self.clip, self.clip)

    def _modalities(self, x: Tensor) -> Tensor:
        normed = self.router_norm(x) * self.router_scale
        # So few outputs take four times as long in bfloat16.
        return torch.tanh(F.linear(normed.float(), self.modality_router.weight.float())).type_as(x)


class DecoderLayer(nn.Module):
    """Attention and LAuReL, feed-forward, AltUp's correction, and the layer's own embedding of each token."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        width, eps, inner = config.hidden_size, config.rms_norm_eps, config.hidden_size_per_layer_input
        self.scales_output = config.altup_correct_scale
        self.altup = AltUp(config)
        self.laurel = Laurel(config)
        self.self_attn = Attention(config, layer)
        self.mlp = FeedForward(config, layer)
        self.input_layernorm = RMSNorm(width, eps)
        self.post_attention_layernorm = RMSNorm(width, eps)
        self.pre_feedforward_layernorm = RMSNorm(width, eps)
        self.post_feedforward_layernorm = RMSNorm(width, eps)
        self.per_layer_input_gate = nn.Linear(width, inner, bias=False)
        self.per_layer_projection = nn.Linear(inner, width, bias=False)
        self.post_per_layer_input_norm = RMSNorm(width, eps)

    def before(self, streams: Tensor) -> tuple[Tensor, Tensor]:
        """AltUp's predictions [B, T, A, D], and what attention reads [B, T, D]."""
        predictions = self.altup.predict(streams)
        return predictions, self.input_layernorm(predictions[:, :, self.altup.active])

    def after(self, predictions: Tensor, normed: Tensor, attended: Tensor, per_layer: Tensor) -> Tensor:
        """The streams [B, T, A, D] after the layer; `per_layer` [B, T, P] are its embeddings of the tokens."""
        active = predictions[:, :, self.altup.active] + self.post_attention_layernorm(attended)
        active = (active + self.laurel(normed)) / math.sqrt(2)
        fed = self.mlp(self.pre_feedforward_layernorm(active))
        active = active + self.post_feedforward_layernorm(fed)
        corrected = self.altup.correct(predictions, active)
        # A copy: the streams beside it change in place below.
        first = corrected[:, :, self.altup.active].clone()
        if self.scales_output:
            first = first * self.altup.correct_output_scale
        gated = F.gelu(self.per_layer_input_gate(first), approximate="tanh") * per_layer
        corrected[:, :, 1:] += self.post_per_layer_input_norm(self.per_layer_projection(gated))[:, :, None]
        return corrected
