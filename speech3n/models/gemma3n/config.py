"""The shape of a Gemma 3n model, read from and written to the `config.json` of a Hugging Face checkpoint."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError
from speech3n.models.gemma3n.config_values import number, parse_fields, read_json, require, section
from speech3n.runtime.untrusted import Unreadable

FULL, SLIDING = "full_attention", "sliding_attention"
_LAYERS, _THETA, _LOCAL_THETA = 35, 1e6, 1e4


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """The audio encoder; names and defaults are those of `audio_config`."""

    vocab_size: int = 128
    vocab_offset: int = 262_272
    input_feat_size: int = 128
    hidden_size: int = 1536
    rms_norm_eps: float = 1e-6
    gradient_clipping: float = 1e10
    conf_attention_context_left: int = 13
    conf_attention_context_right: int = 0
    conf_attention_chunk_size: int = 12
    conf_attention_logit_cap: float = 50.0
    conf_num_attention_heads: int = 8
    conf_num_hidden_layers: int = 12
    conf_conv_kernel_size: int = 5
    conf_reduction_factor: int = 4
    conf_residual_weight: float = 0.5
    sscp_conv_channel_size: tuple[int, ...] = (128, 32)
    sscp_conv_group_norm_eps: float = 1e-3
    sscp_conv_kernel_size: tuple[tuple[int, int], ...] = ((3, 3), (3, 3))
    sscp_conv_stride_size: tuple[tuple[int, int], ...] = ((2, 2), (2, 2))

    def __post_init__(self) -> None:
        require(self.conf_attention_context_right == 0, "audio_config.conf_attention_context_right must be 0")
        require(self.conf_attention_context_left >= 1, "audio_config.conf_attention_context_left must be at least 1")
        require(
            self.hidden_size % self.conf_num_attention_heads == 0,
            "audio_config.hidden_size must be a multiple of conf_num_attention_heads",
        )
        for name in ("sscp_conv_channel_size", "sscp_conv_kernel_size", "sscp_conv_stride_size"):
            require(len(getattr(self, name)) == 2, f"audio_config.{name} must have two entries")
        for name in ("sscp_conv_kernel_size", "sscp_conv_stride_size"):
            pairs = getattr(self, name)
            require(
                all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs), f"audio_config.{name} holds pairs"
            )
            require(all(time == bins for time, bins in pairs), f"audio_config.{name}: convolutions must be square")
        for kernel, stride in zip(self.sscp_conv_kernel_size, self.sscp_conv_stride_size, strict=True):
            require(kernel >= stride, "audio_config.sscp_conv_stride_size must not be larger than the kernel's")

    @property
    def past(self) -> int:
        """Frames before its own that a frame attends to."""
        return self.conf_attention_context_left - 1

    @property
    def mel_frames_per_token(self) -> int:
        """Mel frames for each soft token: 16, which are 160 ms."""
        return self.sscp_conv_stride_size[0][0] * self.sscp_conv_stride_size[1][0] * self.conf_reduction_factor


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The decoder; names and defaults are those of `text_config` (E4B)."""

    vocab_size: int = 262_400
    hidden_size: int = 2048
    intermediate_size: tuple[int, ...] = ()
    num_hidden_layers: int = _LAYERS
    num_attention_heads: int = 8
    num_key_value_heads: int = 2
    head_dim: int = 256
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 32_768
    sliding_window: int = 512
    layer_types: tuple[str, ...] = ()
    rope_theta: float = _THETA
    rope_local_base_freq: float = _LOCAL_THETA
    final_logit_softcapping: float = 30.0
    vocab_size_per_layer_input: int = 262_144
    hidden_size_per_layer_input: int = 256
    altup_active_idx: int = 0
    altup_coef_clip: float = 120.0
    altup_correct_scale: bool = True
    altup_num_inputs: int = 4
    num_kv_shared_layers: int = 15
    laurel_rank: int = 64
    activation_sparsity_pattern: tuple[float, ...] = ()
    pad_token_id: int = 0
    bos_token_id: int = 2

    def __post_init__(self) -> None:
        layers = self.num_hidden_layers
        defaults = {
            "intermediate_size": (16_384,) * layers,
            "layer_types": tuple(FULL if (layer + 1) % 5 == 0 else SLIDING for layer in range(layers)),
            "activation_sparsity_pattern": tuple(0.95 if layer < 10 < layers else 0.0 for layer in range(layers)),
        }
        for name, default in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, default)
            require(len(getattr(self, name)) == layers, f"text_config.{name} must have an entry for each layer")
        require(set(self.layer_types) <= {FULL, SLIDING}, f"text_config.layer_types may hold {FULL} and {SLIDING}")
        require(
            0 <= self.num_kv_shared_layers < layers, "text_config.num_kv_shared_layers must leave layers of their own"
        )
        require(
            all(0 <= sparsity < 1 for sparsity in self.activation_sparsity_pattern),
            "text_config.activation_sparsity_pattern must lie between 0 and 1",
        )
        own, shared = self.layer_types[: self.first_shared_layer], self.layer_types[self.first_shared_layer :]
        require(set(shared) <= set(own), "text_config: a shared layer needs an earlier layer of its type")
        require(
            self.num_attention_heads % self.num_key_value_heads == 0,
            "text_config.num_attention_heads must be a multiple of num_key_value_heads",
        )
        require(
            0 <= self.altup_active_idx < self.altup_num_inputs,
            "text_config.altup_active_idx must be one of the altup_num_inputs",
        )

    @property
    def first_shared_layer(self) -> int:
        """The first layer that uses another layer's keys and values: 20 in E2B and E4B."""
        return self.num_hidden_layers - self.num_kv_shared_layers

    def kv_layer(self, layer: int) -> int:
        """The layer whose keys and values `layer` attends to: itself, or the last of its type before sharing begins."""
        if layer < self.first_shared_layer:
            return layer
        own = self.layer_types[: self.first_shared_layer]
        return len(own) - 1 - own[::-1].index(self.layer_types[layer])


@dataclass(frozen=True, slots=True)
class Gemma3nConfig:
    """Audio encoder, decoder, and the token ids that mark audio in a prompt."""

    audio: AudioConfig = field(default_factory=AudioConfig)
    text: TextConfig = field(default_factory=TextConfig)
    audio_soft_tokens_per_image: int = 188
    boa_token_id: int = 256_000
    eoa_token_id: int = 262_272
    audio_token_id: int = 262_273
    eos_token_ids: tuple[int, ...] = (1, 106)
    """End of sequence and end of turn."""
    vision_vocab_offset: int = 262_144

    @classmethod
    def read(cls, folder: Path) -> Gemma3nConfig:
        """The config of a checkpoint folder; raises ModelError where it is missing, broken or of another model."""
        path = folder / "config.json"
        data = read_json(path)
        if data.get("model_type") != "gemma3n":
            raise ModelError(
                f"'{path}' describes a model of type '{data.get('model_type')!s:.80}', not gemma3n.",
                "Give a folder with a Gemma 3n checkpoint in Hugging Face format.",
            )
        try:
            return cls.from_dict(data)
        except (TypeError, ValueError, RecursionError) as error:
            raise ModelError(
                f"'{path}' is not a valid Gemma 3n configuration: {Unreadable(error)}.",
                "Fetch the file again, from the checkpoint that the weights are of.",
            ) from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Gemma3nConfig:
        """The same from the contents of `config.json`; raises TypeError or ValueError that name the field."""
        text = dict(section(data, "text_config"))
        rope = section(text, "rope_parameters")
        for name, kind in (("rope_theta", FULL), ("rope_local_base_freq", SLIDING)):
            theta = section(rope, kind).get("rope_theta")
            text[name] = text.get(name) if theta is None else theta
        _require_plain(text, rope)
        layers = text.get("num_hidden_layers")
        for name in ("intermediate_size", "activation_sparsity_pattern"):
            if isinstance(text.get(name), int | float):
                count = _LAYERS if layers is None else number("num_hidden_layers", layers, whole=True)
                text[name] = [text[name]] * int(count)
        top: dict[str, Any] = {}
        for name in _TOP_IDS:
            if data.get(name) is not None:
                top[name] = int(number(name, data[name], whole=True))
        eos = data.get("eos_token_id", text.get("eos_token_id"))
        if eos is not None:
            ids = eos if isinstance(eos, list) else [eos]
            top["eos_token_ids"] = tuple(int(number("eos_token_id", value, whole=True)) for value in ids)
        offset = section(data, "vision_config").get("vocab_offset")
        if offset is not None:
            top["vision_vocab_offset"] = int(number("vision_config.vocab_offset", offset, whole=True))
        return cls(parse_fields(AudioConfig, section(data, "audio_config")), parse_fields(TextConfig, text), **top)

    def to_dict(self) -> dict[str, Any]:
        """The contents of a `config.json` that transformers reads."""
        text = dataclasses.asdict(self.text)
        theta, local = text.pop("rope_theta"), text.pop("rope_local_base_freq")
        rope = {FULL: theta, SLIDING: local}
        text["rope_parameters"] = {kind: {"rope_type": "default", "rope_theta": base} for kind, base in rope.items()}
        contents = {
            "architectures": ["Gemma3nForConditionalGeneration"],
            "model_type": "gemma3n",
            "tie_word_embeddings": True,
            "audio_config": {"model_type": "gemma3n_audio", **dataclasses.asdict(self.audio)},
            "text_config": {"model_type": "gemma3n_text", **text},
            "vision_config": {
                "model_type": "gemma3n_vision",
                "vocab_offset": self.vision_vocab_offset,
                "vocab_size": self.audio.vocab_offset - self.vision_vocab_offset,
                "hidden_size": self.text.hidden_size,
            },
            "eos_token_id": list(self.eos_token_ids),
            **{name: getattr(self, name) for name in _TOP_IDS},
        }
        # JSON knows lists and no tuples, and transformers insists on them.
        plain: dict[str, Any] = json.loads(json.dumps(contents))
        return plain


_TOP_IDS = ("audio_soft_tokens_per_image", "boa_token_id", "eoa_token_id", "audio_token_id")


def _require_plain(text: Mapping[str, Any], rope: Mapping[str, Any]) -> None:
    """Refuse what the reference knows and no published checkpoint of this model has."""
    for kind in (FULL, SLIDING):
        rope_type = section(rope, kind).get("rope_type", "default")
        require(rope_type == "default", f"rope_parameters.{kind}.rope_type is {rope_type!r}, which is not supported")
    for name, only in (("rope_scaling", None), ("attention_bias", False), ("hidden_activation", "gelu_pytorch_tanh")):
        value = text.get(name)
        require(value is None or value == only, f"{name} is {value!r}, which is not supported")
