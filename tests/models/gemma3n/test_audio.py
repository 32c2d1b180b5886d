"""The audio encoder and embedder against transformers, with random weights: whole, padded, streamed, and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import Gemma3nAudioFeatureExtractor

from speech3n.audio.frontend import LogMel
from speech3n.layers.local_attention import RelativePositions
from speech3n.models.gemma3n.audio import AudioEncoder
from speech3n.types import SAMPLE_RATE
from tests.layers.contract import verify_streaming_contract
from tests.models.gemma3n.reference import (
    SMALL,
    UNUSUAL,
    audio_reference,
    difference,
    embedder_reference,
    encode_reference,
    noise,
    padded,
)

TOLERANCE = 1e-4
BLOCK = 2_560
"""160 ms."""
SHAPES = {
    "published": SMALL,
    "two heads": {**SMALL, "conf_num_attention_heads": 2},
    "twenty frames": {**SMALL, "conf_attention_context_left": 20},
    "only itself": {**SMALL, "conf_attention_context_left": 1},
    "small chunks": {**SMALL, "conf_attention_chunk_size": 5},
    "unusual": UNUSUAL,
}
LENGTHS = [1, 2, 3, 4, 5, 15, 16, 17, 22, 23, 64, 101, 333]
"""Mel frames: fewer than the convolutions look ahead; around one soft token; about three seconds."""


@pytest.fixture(autouse=True)
def _no_gradients(request: pytest.FixtureRequest) -> Iterator[None]:
    with torch.set_grad_enabled("gradients" in request.node.name):
        yield


@pytest.fixture(scope="module")
def pair() -> tuple[AudioEncoder, Any]:
    return audio_reference(SMALL, seed=1)


def mel_like(*shape: int, seed: int = 0) -> Tensor:
    """Random numbers as large as log-mel features, with a drift, so that the cumulative norms have something to sum."""
    generator = torch.Generator().manual_seed(seed)
    drift = torch.randn(shape[0], shape[1], 1, generator=generator).cumsum(1) / 10
    return torch.randn(shape, generator=generator) * 2 + drift - 5


def stream(mel: LogMel, encoder: AudioEncoder, waveform: Tensor, sizes: list[int]) -> list[Tensor]:
    """Soft tokens after each piece of sound, and after the end."""
    mel_state, state, tokens = mel.init_state(len(waveform)), encoder.init_state(len(waveform)), []
    for piece in waveform.split(sizes, 1):
        tokens.append(encoder.step(mel.step(piece, mel_state), state))
    last = encoder.step(mel.flush(mel_state), state)
    tokens.append(torch.cat([last, encoder.flush(state)], 1))
    return tokens


def test_no_weight_of_the_pair_is_left_as_it_started(pair: tuple[AudioEncoder, Any]) -> None:
    ours, reference = pair
    weights = dict(ours.named_parameters())
    assert weights.keys() == dict(reference.named_parameters()).keys()
    for name, weight in weights.items():
        assert weight.std() > 0, f"{name} is constant"


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_clips_equal_the_reference(shape: str, frames: int) -> None:
    ours, reference = audio_reference(SHAPES[shape], seed=2)
    mel = mel_like(2, frames, ours.config.input_feat_size)
    found, mask = ours(mel)
    assert mask is None
    assert found.shape[1] == -(-frames // ours.stride)
    assert difference(found, encode_reference(reference, mel)[0]) < TOLERANCE


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("garbage", [0.0, float("nan"), float("inf")])
def test_padded_batches_equal_the_reference(shape: str, garbage: float) -> None:
    ours, reference = audio_reference(SHAPES[shape], seed=3)
    bins = ours.config.input_feat_size
    clips = [mel_like(1, frames, bins, seed=frames)[0] for frames in (211, 77, 16, 5, 1)]
    silent = float(LogMel().silence[0])
    expected, expected_mask = encode_reference(reference, *padded(clips, silent))
    found, mask = ours(*padded(clips, garbage))
    assert mask is not None
    assert torch.equal(mask, expected_mask)
    assert 1 < mask.sum() < mask.numel()
    assert difference(found, expected) < TOLERANCE


def test_sound_as_transformers_batches_it_gives_the_references_tokens(pair: tuple[AudioEncoder, Any]) -> None:
    ours, reference = pair
    clips = [noise(1, samples, seed=samples)[0] for samples in (30_001, 9_001, 50_000, 700)]
    extracted = Gemma3nAudioFeatureExtractor()([clip.numpy() for clip in clips], return_tensors="pt")
    expected, expected_mask = encode_reference(
        reference, extracted["input_features"], extracted["input_features_mask"].bool()
    )
    found, mask = ours(*LogMel()(*padded(clips, float("nan"))))
    assert torch.equal(mask, expected_mask)
    assert difference(found, expected) < TOLERANCE


@pytest.mark.parametrize("samples", [0, 1, 512, 513])
def test_hardly_any_sound_gives_no_token_or_the_references(pair: tuple[AudioEncoder, Any], samples: int) -> None:
    ours, reference = pair
    waveform, mel = noise(1, samples), LogMel()
    tokens = ours(mel(waveform)[0])[0]
    streamed = torch.cat(stream(mel, ours, waveform, [samples]), 1)
    assert tokens.shape == streamed.shape == (1, int(samples > 512), 48)
    if samples > 512:
        assert difference(tokens, encode_reference(reference, mel(waveform)[0])[0]) < TOLERANCE
        assert difference(streamed, tokens) < TOLERANCE


def test_each_160_ms_of_sound_give_one_token_that_is_final(pair: tuple[AudioEncoder, Any]) -> None:
    ours, reference = pair
    waveform, mel = noise(1, 25 * BLOCK), LogMel()
    tokens = stream(mel, ours, waveform, [BLOCK] * 25)
    assert [part.shape[1] for part in tokens] == [1] * 25 + [0]
    expected, _ = encode_reference(reference, mel(waveform)[0])
    assert difference(torch.cat(tokens, 1), expected) < TOLERANCE


def test_a_token_needs_no_more_than_92_ms_after_its_own_moment(pair: tuple[AudioEncoder, Any]) -> None:
    encoder, mel = pair[0], LogMel()
    # Mel frame 16 t + 6, of which the last sample is asked for as well.
    for token in range(4):
        needed = (16 * token + 6) * 160 + 513
        for samples, expected in ((needed - 1, token), (needed, token + 1)):
            parts = stream(mel, encoder, noise(1, samples), [samples])
            assert parts[0].shape[1] == expected


@given(st.lists(st.integers(0, 6_000), max_size=20))
@settings(max_examples=20)
def test_however_the_sound_is_chopped_the_tokens_are_the_references(
    pair: tuple[AudioEncoder, Any], sizes: list[int]
) -> None:
    ours, reference = pair
    mel, samples = LogMel(), sum(sizes)
    waveform = noise(2, samples, seed=samples)
    with torch.no_grad():
        found = torch.cat(stream(mel, ours, waveform, sizes or [0]), 1)
        features = mel(waveform)[0]
        if features.shape[1] == 0:
            assert found.shape[1] == 0
            return
        expected, _ = encode_reference(reference, features)
    assert difference(found, expected) < TOLERANCE


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_keeps_the_streaming_contract(shape: str) -> None:
    ours, _ = audio_reference(SHAPES[shape], seed=4)
    bins = ours.config.input_feat_size
    verify_streaming_contract(
        ours,
        lambda batch, frames, generator: torch.randn(batch, frames, bins, generator=generator) * 2 - 5,
        frames=5 * ours.stride + ours.lookahead,
    )


def test_a_minute_of_sound_is_streamed_as_the_whole(pair: tuple[AudioEncoder, Any]) -> None:
    encoder, mel = pair[0], LogMel()
    waveform = noise(1, 60 * SAMPLE_RATE)
    waveform[:, 20 * SAMPLE_RATE : 25 * SAMPLE_RATE] = 0
    streamed = torch.cat(stream(mel, encoder, waveform, [BLOCK] * 375), 1)
    assert streamed.shape[1] == 375
    assert difference(streamed, encoder(mel(waveform)[0])[0]) < TOLERANCE


@pytest.mark.parametrize("shape", ["published", "unusual", "only itself"])
@pytest.mark.parametrize("is_padded", [False, True], ids=["whole", "padded"])
def test_gradients_equal_the_references(shape: str, is_padded: bool) -> None:
    ours, reference = audio_reference(SHAPES[shape], seed=5)
    bins = ours.config.input_feat_size
    clips = [mel_like(1, frames, bins, seed=frames)[0] for frames in (150, 60 if is_padded else 150)]
    silent = float(LogMel().silence[0])
    mel, mask = padded(clips, silent)
    expected, _ = encode_reference(reference, mel, mask)
    garbage = padded(clips, float("nan"))
    found, _ = ours(*garbage) if is_padded else ours(mel)
    direction = torch.randn(expected.shape, generator=torch.Generator().manual_seed(6))
    (found * direction).sum().backward()
    (expected * direction).sum().backward()
    wanted = dict(reference.named_parameters())
    compared = 0
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        reference_gradient = wanted[name].grad
        if float(reference_gradient.abs().max()) == 0:
            assert not parameter.grad.any()
            continue
        assert difference(parameter.grad, reference_gradient) < TOLERANCE, name
        compared += 1
    # With nothing but itself to attend to, a frame's queries and keys decide nothing.
    undecided = 5 * ours.config.conf_num_hidden_layers if shape == "only itself" else 0
    assert compared >= len(wanted) - undecided


def test_changed_weights_change_the_positions() -> None:
    ours, reference = audio_reference(SMALL, seed=7)
    mel = mel_like(1, 100, 128)
    ours(mel)
    _, other = audio_reference(SMALL, seed=8)
    ours.load_state_dict(other.state_dict())
    assert difference(ours(mel)[0], encode_reference(other, mel)[0]) < TOLERANCE
    for parameter in ours.parameters():
        parameter.mul_(1.5)
    other.load_state_dict(ours.state_dict())
    assert difference(ours(mel)[0], encode_reference(other, mel)[0]) < TOLERANCE
    ours.load_state_dict(reference.state_dict(), assign=True)
    assert difference(ours(mel)[0], encode_reference(reference, mel)[0]) < TOLERANCE


def test_weights_that_lie_where_others_lay_are_those_that_are_used() -> None:
    positions = RelativePositions(48, 12)
    weight = positions.pos_proj.weight
    for _ in range(100):
        before = positions()
        # The second matrix likes to take the place of the one that the first has driven out.
        for _ in range(2):
            weight.data = torch.randn(48, 48)
        assert difference(positions(), before) > 0.1


def test_weights_that_went_through_bfloat16_are_those_that_are_used() -> None:
    ours, reference = audio_reference(SMALL, seed=9)
    mel = mel_like(1, 100, 128)
    for _ in range(3):
        ours(mel)
        # The new matrices may lie where the old ones lay.
        ours.bfloat16().float()
        reference.load_state_dict(ours.state_dict())
        assert difference(ours(mel)[0], encode_reference(reference, mel)[0]) < TOLERANCE
        for parameter in ours.parameters():
            parameter.data = parameter.data * 1.01


def test_in_bfloat16_steps_are_near_the_reference_and_states_keep_their_type() -> None:
    ours, reference = audio_reference(SMALL, seed=10)
    ours, reference = ours.bfloat16(), reference.bfloat16()
    mel = mel_like(1, 160, 128)
    expected, _ = encode_reference(reference, mel.bfloat16())
    state = ours.init_state()
    tokens = [ours.step(block, state) for block in mel.split(16, 1)]
    streamed = torch.cat([*tokens, ours.flush(state)], 1)
    assert streamed.dtype == expected.dtype == torch.bfloat16
    assert difference(streamed.float(), expected.float()) < 0.1
    assert state.blocks[0].attention.keys.dtype == torch.bfloat16
    assert state.subsample.conv_0.norm.total.dtype == torch.float64


def test_embedded_soft_tokens_and_ids_equal_the_reference() -> None:
    ours, reference = embedder_reference()
    tokens = torch.randn(3, 11, 48, generator=torch.Generator().manual_seed(0)) * 3
    found = ours(tokens)
    assert found.shape == (3, 11, 24)
    assert difference(found, reference(inputs_embeds=tokens)) < TOLERANCE
    ids = torch.arange(30, 37).view(1, 7)
    embedded = ours.embed_ids(ids)
    assert difference(embedded, reference(input_ids=ids)) < TOLERANCE
    # Ids and soft tokens have a norm each.
    assert difference(ours(ours.embedding(ids - 30)), embedded) > 0.01


def test_gradients_of_the_embedder_equal_the_references() -> None:
    ours, reference = embedder_reference(seed=1)
    tokens = torch.randn(1, 9, 48, generator=torch.Generator().manual_seed(0))
    ids = torch.arange(30, 37).view(1, 7)
    for module, embedded in (
        (ours, (ours(tokens), ours.embed_ids(ids))),
        (reference, (reference(inputs_embeds=tokens), reference(input_ids=ids))),
    ):
        direction = torch.randn(16, 24, generator=torch.Generator().manual_seed(2))
        (torch.cat(embedded, 1)[0] * direction).sum().backward()
        assert all(parameter.grad is not None for parameter in module.parameters())
    wanted = dict(reference.named_parameters())
    for name, parameter in ours.named_parameters():
        assert difference(parameter.grad, wanted[name].grad) < TOLERANCE, name
