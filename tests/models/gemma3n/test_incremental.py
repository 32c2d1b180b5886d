"""The whole model: merged audio and text, greedy text, and an utterance that grows, against transformers and itself."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Gemma3nAudioFeatureExtractor

from speech3n.audio.frontend import LogMel
from speech3n.decoding import generate as generation
from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.types import Waveform
from tests.models.gemma3n.pairs import (
    AUDIO,
    SOFT_TOKENS,
    TOLERANCE,
    VISION,
    VOCABULARY,
    build_pair,
    difference,
    small_config,
)

CONFIG = small_config()
PROMPT = Prompt((2, 11, 12, CONFIG.boa_token_id), (CONFIG.eoa_token_id, 21, 22, 23))
NOT_TEXT = range(VISION, VOCABULARY)
LIMIT = 24


@pytest.fixture(scope="module")
def pair() -> tuple[Gemma3n, Any]:
    return build_pair(CONFIG, seed=5)


@pytest.fixture(autouse=True)
def _endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Random weights like to repeat themselves; here they may."""
    monkeypatch.setattr(generation, "is_loop", lambda tokens: False)
    with torch.inference_mode():
        yield


def noise(samples: int, seed: int = 0) -> Waveform:
    """Noise whose loudness changes, so that moments differ."""
    generator = np.random.default_rng(seed)
    corners = np.arange(0, samples + 8_000, 4_000)
    envelope = np.interp(np.arange(samples), corners, generator.random(len(corners)))
    return (0.3 * envelope * generator.standard_normal(samples)).astype(np.float32)


def reference_inputs(pcm: Waveform) -> dict[str, torch.Tensor]:
    """What transformers' processor makes of a clip and the prompt, with all soft tokens."""
    ids = [*PROMPT.prefix, *[CONFIG.audio_token_id] * SOFT_TOKENS, *PROMPT.suffix]
    features = Gemma3nAudioFeatureExtractor()(pcm, return_tensors="pt")
    mel = features["input_features"]
    return {
        "input_ids": torch.tensor([ids]),
        "input_features": mel,
        "input_features_mask": torch.ones(mel.shape[:2], dtype=torch.bool),
    }


def test_audio_and_text_merged_give_the_references_logits(pair: tuple[Gemma3n, Any]) -> None:
    ours, reference = pair
    inputs = reference_inputs(noise(33_333))
    mel, _ = LogMel()(torch.from_numpy(noise(33_333))[None])
    soft_tokens = ours.encode(mel, pad_to=SOFT_TOKENS)
    assert difference(ours(inputs["input_ids"], soft_tokens), reference(**inputs).logits) < TOLERANCE


def test_batched_clips_of_different_lengths_give_the_references_logits(pair: tuple[Gemma3n, Any]) -> None:
    ours, reference = pair
    clips = [noise(33_333, 1), noise(20_001, 2), noise(5_000, 3)]
    features = Gemma3nAudioFeatureExtractor()(clips, return_tensors="pt")
    ids = torch.cat([reference_inputs(clips[0])["input_ids"]] * 3)
    soft_tokens = ours.encode(features["input_features"], features["input_features_mask"], pad_to=SOFT_TOKENS)
    expected = reference(input_ids=ids, **features).logits
    assert difference(ours(ids, soft_tokens), expected) < TOLERANCE


@pytest.mark.parametrize("samples", [8_000, 33_333])
def test_greedy_text_equals_the_references_token_for_token(pair: tuple[Gemma3n, Any], samples: int) -> None:
    ours, reference = pair
    pcm = noise(samples)
    expected = reference.generate(
        **reference_inputs(pcm),
        do_sample=False,
        max_new_tokens=LIMIT,
        suppress_tokens=list(NOT_TEXT),
        eos_token_id=None,
        pad_token_id=0,
    )
    decoder = IncrementalDecoder(SharedModel(LogMel(), ours), PROMPT)
    decoder.append_audio(pcm)
    decoder.finish()
    # The reference pads all audio to as many soft tokens.
    decoder._cached.append_soft_tokens(ours.audio_padding.expand(1, SOFT_TOKENS - decoder.soft_tokens, -1))
    generated = decoder.generate(stop=(), limit=LIMIT)
    assert list(generated.tokens) == expected[0, -LIMIT:].tolist()
    assert len(set(generated.tokens)) > 3, "the comparison means little where one token repeats"


@settings(max_examples=10)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=12), st.integers(0, 99))
def test_a_growing_utterance_says_at_each_moment_what_it_would_say_from_scratch(
    pair: tuple[Gemma3n, Any], chunks: list[int], seed: int
) -> None:
    """Checking the last answer, keys that stay, cutting back: none of it may show in the text."""
    shared = SharedModel(LogMel(), pair[0])
    pcm = noise(sum(chunks), seed)
    growing = IncrementalDecoder(shared, PROMPT)
    draft: tuple[int, ...] = ()
    end = 0
    for chunk in chunks:
        growing.append_audio(pcm[end : end + chunk])
        end += chunk
        if not growing.soft_tokens:
            continue
        scratch = IncrementalDecoder(shared, PROMPT)
        scratch.append_audio(pcm[:end])
        expected = scratch.generate(stop={7, 9, 13}, limit=LIMIT)
        answered = growing.generate(draft, stop={7, 9, 13}, limit=LIMIT)
        assert answered.tokens == expected.tokens
        assert answered.is_complete == expected.is_complete
        assert np.allclose(answered.logprobs, expected.logprobs, atol=1e-3)
        draft = answered.tokens


def test_a_right_draft_takes_one_pass(pair: tuple[Gemma3n, Any]) -> None:
    decoder = IncrementalDecoder(SharedModel(LogMel(), pair[0]), PROMPT)
    decoder.append_audio(noise(16_000))
    first = decoder.generate(stop=(), limit=LIMIT)
    again = decoder.generate(first.tokens, stop=(), limit=LIMIT)
    assert again.tokens == first.tokens
    assert (first.passes, again.passes) == (LIMIT + 1, 1)


def test_no_sound_is_encoded_twice_and_no_soft_token_read_twice(
    pair: tuple[Gemma3n, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = pair[0]
    encoded: list[int] = []
    read: list[int] = []
    conformer = ours.audio_tower.conformer[0]
    step, forward = type(conformer).step, Gemma3n.read
    monkeypatch.setattr(
        type(conformer),
        "step",
        lambda self, x, state: (encoded.append(x.shape[1] * (self is conformer)), step(self, x, state))[1],
    )

    def counted(self: Gemma3n, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        read.append(int((ids == CONFIG.audio_token_id).sum()))
        return forward(self, ids, *rest)

    monkeypatch.setattr(Gemma3n, "read", counted)
    decoder = IncrementalDecoder(SharedModel(LogMel(), ours), PROMPT)
    for second in range(6):
        decoder.append_audio(noise(16_000, second))
        decoder.generate(stop=(), limit=2)
    decoder.finish()
    decoder.generate(stop=(), limit=2)
    frames_40_ms = 6 * 16_000 / 640
    assert frames_40_ms - 1 <= sum(encoded) <= frames_40_ms
    assert sum(read) == decoder.soft_tokens == 38


def test_a_soft_token_comes_with_every_160_ms_block(pair: tuple[Gemma3n, Any]) -> None:
    decoder = IncrementalDecoder(SharedModel(LogMel(), pair[0]), PROMPT)
    for block in range(1, 20):
        decoder.append_audio(noise(2_560, block))
        assert decoder.soft_tokens == block


def test_placeholders_of_images_and_audio_are_never_said(pair: tuple[Gemma3n, Any]) -> None:
    ours = pair[0]
    weight = ours.language_model.embed_tokens.weight
    kept = weight.data.clone()
    weight.data[AUDIO + 2] *= 40
    weight.data[AUDIO + 3] *= -40
    try:
        decoder = IncrementalDecoder(SharedModel(LogMel(), ours), PROMPT)
        decoder.append_audio(noise(16_000))
        assert max(decoder.generate(stop=(), limit=LIMIT).tokens) < VISION
    finally:
        weight.data.copy_(kept)
