"""Gemma 3n's config.json: published keys old and new, to transformers and back, and what may be wrong in a file."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from transformers import Gemma3nConfig as PublishedConfig
from transformers import Gemma3nTextConfig

from speech3n.errors import ModelError
from speech3n.models.gemma3n.config import FULL, SLIDING, AudioConfig, Gemma3nConfig, TextConfig
from tests.models.gemma3n.pairs import E2B, E4B, published, small_config

LAYER_TYPES = ([SLIDING] * 4 + [FULL]) * 6


def official(**changes: Any) -> dict[str, Any]:
    """`config.json` of E2B as it was published, before rope_parameters; with much that speech does not need.

    A change of None leaves a section out; one that is a dict changes fields of a section.
    """
    contents: dict[str, Any] = {
        "architectures": ["Gemma3nForConditionalGeneration"],
        "audio_config": {
            "conf_attention_chunk_size": 12,
            "conf_attention_context_left": 13,
            "conf_attention_context_right": 0,
            "conf_attention_logit_cap": 50.0,
            "conf_conv_kernel_size": 5,
            "conf_num_attention_heads": 8,
            "conf_num_hidden_layers": 12,
            "conf_positional_bias_size": 256,
            "conf_reduction_factor": 4,
            "conf_residual_weight": 0.5,
            "gradient_clipping": 10000000000.0,
            "hidden_size": 1536,
            "input_feat_size": 128,
            "model_type": "gemma3n_audio",
            "rms_norm_eps": 1e-06,
            "sscp_conv_channel_size": [128, 32],
            "sscp_conv_eps": 0.001,
            "sscp_conv_kernel_size": [[3, 3], [3, 3]],
            "sscp_conv_stride_size": [[2, 2], [2, 2]],
            "torch_dtype": "bfloat16",
            "vocab_offset": 262272,
            "vocab_size": 128,
        },
        "audio_soft_tokens_per_image": 188,
        "audio_token_id": 262273,
        "boa_token_id": 256000,
        "boi_token_id": 255999,
        "eoa_token_id": 262272,
        "eoi_token_id": 262144,
        "eos_token_id": [1, 106],
        "image_token_id": 262145,
        "initializer_range": 0.02,
        "model_type": "gemma3n",
        "text_config": {
            "activation_sparsity_pattern": [0.95] * 10 + [0.0] * 20,
            "altup_active_idx": 0,
            "altup_coef_clip": 120.0,
            "altup_correct_scale": True,
            "altup_lr_multiplier": 1.0,
            "altup_num_inputs": 4,
            "attention_bias": False,
            "attention_dropout": 0.0,
            "final_logit_softcapping": 30.0,
            "head_dim": 256,
            "hidden_activation": "gelu_pytorch_tanh",
            "hidden_size": 2048,
            "hidden_size_per_layer_input": 256,
            "intermediate_size": [8192] * 30,
            "laurel_rank": 64,
            "layer_types": LAYER_TYPES,
            "max_position_embeddings": 32768,
            "model_type": "gemma3n_text",
            "num_attention_heads": 8,
            "num_hidden_layers": 30,
            "num_key_value_heads": 2,
            "num_kv_shared_layers": 10,
            "rms_norm_eps": 1e-06,
            "rope_local_base_freq": 10000.0,
            "rope_scaling": None,
            "rope_theta": 1000000.0,
            "sliding_window": 512,
            "vocab_size": 262400,
            "vocab_size_per_layer_input": 262144,
        },
        "vision_config": {"model_type": "gemma3n_vision", "vocab_offset": 262144, "vocab_size": 128},
    }
    for name, change in changes.items():
        if isinstance(change, dict):
            contents[name] = {**contents[name], **change}
        else:
            contents[name] = change
    return contents


def write(folder: Path, contents: Any) -> Path:
    path = folder / "config.json"
    path.write_text(contents if isinstance(contents, str) else json.dumps(contents), "utf-8")
    return path


def test_the_published_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, official())
    config = Gemma3nConfig.read(tmp_path)
    assert config.audio == AudioConfig()
    assert config.audio.past == 12
    assert config.audio.mel_frames_per_token == 16
    assert config.text == TextConfig(num_hidden_layers=30, num_kv_shared_layers=10, intermediate_size=(8_192,) * 30)
    assert (config.boa_token_id, config.eoa_token_id, config.audio_token_id) == (256_000, 262_272, 262_273)
    assert config.eos_token_ids == (1, 106)
    assert config.audio_soft_tokens_per_image == 188


def test_no_field_of_the_file_is_overlooked(tmp_path: Path) -> None:
    """Every value that our config has comes from the file: each one changed alone changes its field."""
    changed = {
        "audio": {"conf_attention_context_right": None, "sscp_conv_channel_size": [7, 9]}
        | {"sscp_conv_kernel_size": [[5, 5], [4, 4]], "sscp_conv_stride_size": [[1, 1], [2, 2]]}
        | {"conf_attention_context_left": 9, "conf_num_attention_heads": 4},
        "text": {"layer_types": [FULL] * 30, "intermediate_size": [64] * 30, "altup_active_idx": 1}
        | {"activation_sparsity_pattern": [0.5] * 30, "altup_correct_scale": False, "num_hidden_layers": None}
        | {"num_key_value_heads": 4, "num_attention_heads": 4},
    }
    tried = 0
    for part, special in changed.items():
        before = getattr(Gemma3nConfig.from_dict(official()), part)
        for spec in dataclasses.fields(before):
            old = getattr(before, spec.name)
            value = special.get(spec.name, old * 2 if old else 1)
            if value is None:
                continue
            write(tmp_path, official(**{f"{part}_config": {spec.name: value}}))
            after = getattr(Gemma3nConfig.read(tmp_path), part)
            new = getattr(after, spec.name)
            assert new != old
            assert json.loads(json.dumps(new)) == value
            assert type(new) is type(old)
            assert dataclasses.replace(after, **{spec.name: old}) == before
            tried += 1
    assert tried == len(dataclasses.fields(AudioConfig)) + len(dataclasses.fields(TextConfig)) - 2


@pytest.mark.parametrize("name", ["audio_soft_tokens_per_image", "boa_token_id", "eoa_token_id", "audio_token_id"])
def test_ids_come_from_the_file(name: str, tmp_path: Path) -> None:
    write(tmp_path, official(**{name: 77}))
    assert dataclasses.replace(Gemma3nConfig(), **{name: 77}) == dataclasses.replace(
        Gemma3nConfig.read(tmp_path), text=TextConfig()
    )


def test_one_end_of_sequence_is_a_list_of_one_and_the_texts_counts_where_there_is_no_other(tmp_path: Path) -> None:
    write(tmp_path, official(eos_token_id=9))
    assert Gemma3nConfig.read(tmp_path).eos_token_ids == (9,)
    write(tmp_path, {"model_type": "gemma3n", "text_config": {"eos_token_id": [7, 8]}})
    assert Gemma3nConfig.read(tmp_path).eos_token_ids == (7, 8)


def test_old_and_new_keys_of_the_rotary_embedding_mean_the_same(tmp_path: Path) -> None:
    write(tmp_path, official(text_config={"rope_theta": 5e5, "rope_local_base_freq": 3e3}))
    old = Gemma3nConfig.read(tmp_path)
    assert (old.text.rope_theta, old.text.rope_local_base_freq) == (5e5, 3e3)
    contents = official()
    for name in ("rope_theta", "rope_local_base_freq", "rope_scaling"):
        del contents["text_config"][name]
    contents["text_config"]["rope_parameters"] = {
        FULL: {"rope_type": "default", "rope_theta": 5e5},
        SLIDING: {"rope_type": "default", "rope_theta": 3e3},
    }
    write(tmp_path, contents)
    assert Gemma3nConfig.read(tmp_path) == old
    # Half old, half new, as transformers takes it.
    contents["text_config"] |= {"rope_parameters": {FULL: {"rope_theta": 5e5}}, "rope_local_base_freq": 3e3}
    write(tmp_path, contents)
    assert Gemma3nConfig.read(tmp_path) == old
    theirs = PublishedConfig.from_dict(contents).text_config.rope_parameters
    assert (theirs[FULL]["rope_theta"], theirs[SLIDING]["rope_theta"]) == (5e5, 3e3)


def test_what_a_file_leaves_out_is_as_transformers_has_it(tmp_path: Path) -> None:
    write(tmp_path, {"model_type": "gemma3n"})
    config = Gemma3nConfig.read(tmp_path)
    assert_same(config, PublishedConfig())
    write(tmp_path, {"model_type": "gemma3n", "text_config": {"num_hidden_layers": 20, "intermediate_size": 96}})
    assert_same(
        Gemma3nConfig.read(tmp_path),
        PublishedConfig.from_dict({"text_config": {"num_hidden_layers": 20, "intermediate_size": 96}}),
    )


@pytest.mark.parametrize("depth", [E2B, E4B], ids=["E2B", "E4B"])
def test_what_we_write_transformers_reads_and_gives_back(depth: tuple[int, int], tmp_path: Path) -> None:
    config = dataclasses.replace(
        small_config(depth, rope_theta=2e6, rope_local_base_freq=2e4, altup_active_idx=2, sliding_window=9),
        boa_token_id=201,
        eoa_token_id=202,
        audio_token_id=203,
        eos_token_ids=(4, 5, 6),
        vision_vocab_offset=250,
    )
    theirs = PublishedConfig.from_dict(config.to_dict())
    assert_same(config, theirs)
    assert_same(small_config(depth), published(small_config(depth)))
    assert (theirs.boa_token_id, theirs.eoa_token_id, theirs.audio_token_id) == (201, 202, 203)
    assert theirs.eos_token_id == [4, 5, 6]
    assert theirs.vision_config.vocab_offset == 250
    assert theirs.audio_soft_tokens_per_image == config.audio_soft_tokens_per_image
    theirs.save_pretrained(tmp_path)
    assert Gemma3nConfig.read(tmp_path) == config
    write(tmp_path, config.to_dict())
    assert Gemma3nConfig.read(tmp_path) == config


def assert_same(ours: Gemma3nConfig, theirs: PublishedConfig) -> None:
    """Every field of both parts, by name."""
    for mine, other in ((ours.audio, theirs.audio_config), (ours.text, theirs.text_config)):
        rope = getattr(other, "rope_parameters", None) or {}
        for spec in dataclasses.fields(mine):
            if spec.name == "rope_theta":
                expected = rope[FULL]["rope_theta"]
            elif spec.name == "rope_local_base_freq":
                expected = rope[SLIDING]["rope_theta"]
            else:
                expected = getattr(other, spec.name)
            assert json.dumps(getattr(mine, spec.name)) == json.dumps(expected), spec.name


@pytest.mark.parametrize(("depth", "full", "sliding"), [(E2B, 19, 18), (E4B, 19, 18), ((10, 0), None, None)])
def test_shared_layers_read_the_keys_that_the_reference_stores(
    depth: tuple[int, int], full: int | None, sliding: int | None
) -> None:
    layers, shared = depth
    config = TextConfig(num_hidden_layers=layers, num_kv_shared_layers=shared)
    modes = Gemma3nTextConfig(num_hidden_layers=layers, num_kv_shared_layers=shared).kv_sharing_modes
    assert config.first_shared_layer == modes.index("reuse") if shared else layers
    stored = {config.layer_types[layer]: layer for layer, mode in enumerate(modes) if mode == "store"}
    assert (stored.get(FULL), stored.get(SLIDING)) == (full, sliding)
    for layer, mode in enumerate(modes):
        expected = stored[config.layer_types[layer]] if mode == "reuse" else layer
        assert config.kv_layer(layer) == expected


def test_other_patterns_share_as_the_reference_does() -> None:
    types = [FULL, SLIDING, SLIDING, FULL, SLIDING, FULL, SLIDING, FULL]
    for shared in (1, 2, 4, 6):
        modes = Gemma3nTextConfig(num_hidden_layers=8, num_kv_shared_layers=shared, layer_types=types).kv_sharing_modes
        config = TextConfig(num_hidden_layers=8, num_kv_shared_layers=shared, layer_types=tuple(types))
        read = {config.kv_layer(layer) for layer in range(8 - shared, 8)}
        assert read <= {layer for layer, mode in enumerate(modes) if mode == "store"}
        assert all(types[config.kv_layer(layer)] == types[layer] for layer in range(8))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"text_config": {"hidden_size": "2048"}}, "hidden_size is '2048'"),
    ({"text_config": {"hidden_size": 20.5}}, "hidden_size is 20.5"),
    ({"text_config": {"hidden_size": 0}}, "hidden_size is 0"),
    ({"text_config": {"hidden_size": -4}}, "hidden_size is -4"),
    ({"text_config": {"hidden_size": True}}, "hidden_size is True"),
    ({"text_config": {"hidden_size": float("inf")}}, "hidden_size is inf"),
    ({"text_config": {"rms_norm_eps": float("nan")}}, "rms_norm_eps is nan"),
    ({"text_config": {"sliding_window": 0}}, "sliding_window is 0"),
    ({"text_config": {"final_logit_softcapping": 0}}, "final_logit_softcapping is 0"),
    ({"text_config": {"altup_correct_scale": 1}}, "altup_correct_scale is 1"),
    ({"text_config": {"altup_active_idx": 4}}, "altup_active_idx"),
    ({"text_config": {"num_hidden_layers": "x", "intermediate_size": 5}}, "num_hidden_layers is 'x'"),
    ({"text_config": {"num_hidden_layers": 31}}, "intermediate_size must have an entry for each layer"),
    ({"text_config": {"intermediate_size": "big"}}, "intermediate_size is 'big'"),
    ({"text_config": {"intermediate_size": [8192] * 29 + ["x"]}}, "intermediate_size is 'x'"),
    ({"text_config": {"activation_sparsity_pattern": [1.0] * 30}}, "activation_sparsity_pattern"),
    ({"text_config": {"layer_types": ["linear_attention"] * 30}}, "layer_types"),
    ({"text_config": {"layer_types": [{}] * 30}}, "layer_types"),
    ({"text_config": {"num_kv_shared_layers": 30}}, "num_kv_shared_layers"),
    ({"text_config": {"layer_types": [SLIDING] * 20 + [FULL] * 10}}, "shared layer needs an earlier layer"),
    ({"text_config": {"num_attention_heads": 7}}, "num_attention_heads"),
    ({"text_config": {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}}, "rope_scaling"),
    ({"text_config": {"rope_parameters": {FULL: {"rope_type": "yarn"}}}}, "rope_parameters.full_attention.rope_type"),
    ({"text_config": {"rope_parameters": []}}, "rope_parameters is not an object"),
    ({"text_config": {"rope_parameters": {FULL: {"rope_theta": "1e6"}}}}, "rope_theta is '1e6'"),
    ({"text_config": {"hidden_activation": "relu"}}, "hidden_activation is 'relu'"),
    ({"text_config": {"attention_bias": True}}, "attention_bias is True"),
    ({"text_config": [1]}, "text_config is not an object"),
    ({"audio_config": "none"}, "audio_config is not an object"),
    ({"audio_config": {"conf_num_attention_heads": 7}}, "conf_num_attention_heads"),
    ({"audio_config": {"conf_attention_context_right": 1}}, "conf_attention_context_right"),
    ({"audio_config": {"conf_attention_context_left": 0}}, "conf_attention_context_left"),
    ({"audio_config": {"conf_attention_logit_cap": 0.0}}, "conf_attention_logit_cap is 0"),
    ({"audio_config": {"sscp_conv_channel_size": [8]}}, "sscp_conv_channel_size"),
    ({"audio_config": {"sscp_conv_channel_size": [8, "8"]}}, "sscp_conv_channel_size is '8'"),
    ({"audio_config": {"sscp_conv_kernel_size": [3, 3]}}, "sscp_conv_kernel_size"),
    ({"audio_config": {"sscp_conv_kernel_size": [[3, 3], [3, 2]]}}, "sscp_conv_kernel_size"),
    ({"audio_config": {"sscp_conv_stride_size": [[2, 2], [0, 0]]}}, "sscp_conv_stride_size is 0"),
    ({"audio_config": {"sscp_conv_stride_size": [[2, 2], [4, 4]]}}, "sscp_conv_stride_size"),
    ({"vision_config": {"vocab_offset": "x"}}, "vision_config.vocab_offset is 'x'"),
    ({"text_config": {"hidden_size": 10**400}}, "hidden_size is 1000"),
    ({"text_config": {"hidden_size": 10**12}}, "hidden_size is 1000000000000, which is too large"),
    ({"text_config": {"num_hidden_layers": 10**9, "intermediate_size": 5}}, "num_hidden_layers is 1000000000, which"),
    ({"text_config": {"altup_num_inputs": 10**6}}, "altup_num_inputs is 1000000, which is too large"),
    ({"boa_token_id": "<audio>"}, "boa_token_id is '<audio>'"),
    ({"audio_token_id": 1.5}, "audio_token_id is 1.5"),
    ({"eos_token_id": [1, "</s>"]}, "eos_token_id is '</s>'"),
]


@pytest.mark.parametrize(("changes", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
def test_a_wrong_field_is_named_with_its_file(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    path = write(tmp_path, official(**changes))
    with pytest.raises(ModelError, match=f"{re.escape(str(path))}.*{re.escape(complaint)}"):
        Gemma3nConfig.read(tmp_path)


@pytest.mark.parametrize("contents", ["", "{", '{"model_type": "gemma3n"', "[]", "null", '"gemma3n"', "\ud7ff{"])
def test_a_broken_file_is_named(contents: str, tmp_path: Path) -> None:
    path = write(tmp_path, contents)
    with pytest.raises(ModelError, match=re.escape(str(path))):
        Gemma3nConfig.read(tmp_path)


def test_a_file_that_is_no_text_or_no_file_or_far_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for make in (
        lambda: path.write_bytes(b"\xff\xfe\x00"),
        lambda: path.write_bytes(b" " * (1 << 20) + b"{}"),
        lambda: (path.unlink(), path.mkdir()),
    ):
        make()
        with pytest.raises(ModelError, match=re.escape(str(path))):
            Gemma3nConfig.read(tmp_path)


def test_a_missing_file_names_the_folder_and_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{re.escape(str(tmp_path))}.*config.json.*complete checkpoint"):
        Gemma3nConfig.read(tmp_path)


@pytest.mark.parametrize("kind", ["gemma3", "whisper", None])
def test_another_model_is_named(kind: str | None, tmp_path: Path) -> None:
    path = write(tmp_path, official(model_type=kind))
    with pytest.raises(ModelError, match=f"{re.escape(str(path))}.*'{kind}'"):
        Gemma3nConfig.read(tmp_path)
