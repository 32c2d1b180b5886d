"""Log-mel features against transformers' extractor: speech, noise, silence, the shortest clips, settings from files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import Gemma3nAudioFeatureExtractor

from speech3n.audio.frontend import FrontendConfig, LogMel
from speech3n.errors import ModelError
from speech3n.types import SAMPLE_RATE, Waveform
from tests.conftest import EXAMPLES, read_waveform

TOLERANCE = 1e-4
LENGTHS = [513, 514, 600, 640, 641, 672, 673, 1_600, 4_097, 23_456, 50_001]
"""From the first that gives a frame; around multiples of 128, of the hop, and neither."""
TOO_SHORT = [0, 1, 160, 384, 512]
MEANS, DEVIATIONS = np.linspace(-9, -3, 128), np.linspace(0.5, 3, 128)[::-1]


@pytest.fixture(scope="module")
def mel() -> LogMel:
    return LogMel()


def noise(samples: int, seed: int = 0, level: float = 0.1) -> Waveform:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def extract(clips: list[Waveform], **options: Any) -> tuple[Tensor, Tensor]:
    """The reference's features [B, T, bins] and its mask."""
    found = Gemma3nAudioFeatureExtractor(**options)(clips, return_tensors="pt")
    return found["input_features"], found["input_features_mask"].bool()


def features(mel: LogMel, waveform: Waveform) -> Tensor:
    return mel(torch.from_numpy(waveform)[None])[0]


def difference(ours: Tensor, reference: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    assert ours.shape == reference.shape
    assert ours.isfinite().all()
    return float((ours - reference).abs().max() / reference.abs().max())


def test_real_speech_gives_the_references_features(mel: LogMel, examples: dict[str, Path]) -> None:
    assert len(examples) == 5
    for path in examples.values():
        waveform = read_waveform(path)
        expected, _ = extract([waveform])
        # Speech, and loud enough to tell frames apart.
        assert expected.std() > 1
        assert difference(features(mel, waveform), expected) < TOLERANCE


@pytest.mark.parametrize("samples", LENGTHS)
def test_any_length_gives_the_references_features(mel: LogMel, samples: int) -> None:
    waveform = noise(samples)
    assert difference(features(mel, waveform), extract([waveform])[0]) < TOLERANCE


@pytest.mark.parametrize("samples", TOO_SHORT)
def test_less_than_a_window_gives_no_frame_or_the_references(mel: LogMel, samples: int) -> None:
    waveform = noise(samples)
    assert features(mel, waveform).shape == (1, 0, 128)
    if samples:
        assert extract([waveform])[0].shape[1] == 0
    state = mel.init_state()
    assert mel.step(torch.from_numpy(waveform)[None], state).shape == mel.flush(state).shape == (1, 0, 128)


@pytest.mark.parametrize("level", [1e-7, 1e-3, 1.0, 30.0])
def test_levels_from_inaudible_to_clipped_give_the_references_features(mel: LogMel, level: float) -> None:
    waveform = noise(8_000, level=level)
    assert difference(features(mel, waveform), extract([waveform])[0]) < TOLERANCE


def test_a_quiet_bin_beside_a_loud_tone_is_heard_as_the_reference_hears_it(mel: LogMel) -> None:
    for frequency in (50, 440, 3_000):
        tone = (0.9 * np.sin(2 * np.pi * frequency * np.arange(16_000) / SAMPLE_RATE)).astype(np.float32)
        assert difference(features(mel, tone), extract([tone])[0]) < TOLERANCE


def test_digital_silence_is_the_floor(mel: LogMel) -> None:
    waveform = np.zeros(5_000, np.float32)
    found = features(mel, waveform)
    assert difference(found, extract([waveform])[0]) < TOLERANCE
    assert torch.equal(found[0], mel.silence.expand_as(found[0]))
    assert found[0, 0, 0].item() == pytest.approx(np.log(1e-5))


@pytest.mark.parametrize("bins", [{}, {"per_bin_mean": MEANS.tolist(), "per_bin_stddev": DEVIATIONS.tolist()}])
def test_batches_with_a_mask_give_the_references_features_and_mask(bins: dict[str, Any]) -> None:
    clips = [noise(samples, seed) for seed, samples in enumerate((30_000, 9_001, 50_001, 513, 100))]
    expected, expected_mask = extract(clips, **bins)
    batch = torch.full((len(clips), max(map(len, clips))), float("nan"))
    mask = torch.zeros(batch.shape, dtype=torch.bool)
    for row, clip in enumerate(clips):
        batch[row, : len(clip)] = torch.from_numpy(clip)
        mask[row, : len(clip)] = True
    mel = LogMel(FrontendConfig.from_dict(bins))
    found, found_mask = mel(batch, mask)
    assert found_mask is not None
    assert torch.equal(found_mask, expected_mask)
    assert difference(found, expected) < TOLERANCE
    # What the encoder puts where there is no signal is what the extractor makes of it.
    assert difference(mel.silence.expand(10, -1), expected[4, 10:20]) < TOLERANCE


@pytest.mark.parametrize(
    "options",
    [
        {"per_bin_mean": MEANS.tolist()},
        {"per_bin_stddev": DEVIATIONS.tolist()},
        {"feature_size": 40},
        {"min_frequency": 300.0, "max_frequency": 3_400.0},
        {"preemphasis": 0.0},
        {"preemphasis": 0.5},
        {"mel_floor": 0.1},
        {"frame_length_ms": 20.0, "hop_length_ms": 12.5},
        {"fft_overdrive": False},
    ],
    ids=lambda options: " ".join(options),
)
def test_settings_that_an_extractor_saved_are_followed(options: dict[str, Any], tmp_path: Path) -> None:
    Gemma3nAudioFeatureExtractor(**options).save_pretrained(tmp_path)
    config = FrontendConfig.read(tmp_path)
    assert config != FrontendConfig()
    waveform = noise(9_000)
    expected, _ = extract([waveform], **options)
    assert difference(features(LogMel(config), waveform), expected) < TOLERANCE


@pytest.fixture(scope="module")
def speech() -> tuple[Waveform, Tensor]:
    waveform = read_waveform(EXAMPLES / "en-jfk.flac")[8_000:20_345]
    return waveform, extract([waveform])[0]


@given(st.lists(st.integers(0, 3_000), max_size=30))
@settings(max_examples=25)
def test_however_the_sound_is_chopped_the_features_are_the_references(
    mel: LogMel, speech: tuple[Waveform, Tensor], sizes: list[int]
) -> None:
    waveform, expected = speech
    x = torch.from_numpy(waveform)[None]
    state, found, place = mel.init_state(), [], 0
    for size in [*sizes, len(waveform)]:
        found.append(mel.step(x[:, place : place + size], state))
        place += size
        heard = min(place, len(waveform))
        # As soon as its samples are there, a frame is.
        assert sum(part.shape[1] for part in found) == max(0, (heard - 513) // 160 + 1)
    found.append(mel.flush(state))
    assert difference(torch.cat(found, 1), expected) < TOLERANCE


def published(**changes: Any) -> dict[str, Any]:
    """A `preprocessor_config.json` as the official checkpoints have it, with what only images need."""
    return {
        "dither": 0.0,
        "feature_extractor_type": "Gemma3nAudioFeatureExtractor",
        "feature_size": 128,
        "fft_length": 1024,
        "fft_overdrive": True,
        "frame_length": 512,
        "hop_length": 160,
        "image_mean": [0.5, 0.5, 0.5],
        "input_scale_factor": 1.0,
        "max_frequency": 7600.0,
        "mel_floor": 1e-05,
        "min_frequency": 125.0,
        "padding_side": "right",
        "per_bin_mean": None,
        "per_bin_stddev": None,
        "preemphasis": 0.97,
        "preemphasis_htk_flavor": True,
        "sampling_rate": 16000,
        **changes,
    }


def write(folder: Path, name: str, contents: Any) -> Path:
    path = folder / name
    path.write_text(contents if isinstance(contents, str) else json.dumps(contents), "utf-8")
    return path


def test_the_published_file_holds_the_standard_settings(tmp_path: Path) -> None:
    assert FrontendConfig.read(tmp_path) == FrontendConfig()
    write(tmp_path, "preprocessor_config.json", published())
    assert FrontendConfig.read(tmp_path) == FrontendConfig()


def test_either_file_is_read_and_the_newer_kind_first(tmp_path: Path) -> None:
    write(tmp_path, "preprocessor_config.json", published(preemphasis=0.5, feature_size=64))
    assert FrontendConfig.read(tmp_path) == FrontendConfig(preemphasis=0.5, feature_size=64)
    write(tmp_path, "processor_config.json", {"processor_class": "Gemma3nProcessor"})
    assert FrontendConfig.read(tmp_path).preemphasis == 0.5
    write(tmp_path, "processor_config.json", {"feature_extractor": published(preemphasis=0.25, hop_length=80.0)})
    assert FrontendConfig.read(tmp_path) == FrontendConfig(preemphasis=0.25, hop_length=80)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"feature_size": "128"}, "feature_size holds '128'"),
        ({"feature_size": 12.5}, "feature_size is 12.5"),
        ({"feature_size": 0}, "feature_size must be positive"),
        ({"hop_length": True}, "hop_length holds True"),
        ({"hop_length": [160]}, "hop_length is a list"),
        ({"hop_length": 0}, "hop_length, frame_length and fft_length"),
        ({"fft_length": 256}, "hop_length, frame_length and fft_length"),
        ({"mel_floor": 0}, "mel_floor"),
        ({"mel_floor": float("nan")}, "mel_floor holds nan"),
        ({"max_frequency": 9_000}, "max_frequency"),
        ({"min_frequency": 7_700}, "min_frequency"),
        ({"per_bin_mean": [0.0] * 127}, "per_bin_mean has 127 values"),
        ({"per_bin_mean": [None] * 128}, "per_bin_mean holds None"),
        ({"per_bin_stddev": 3}, "per_bin_stddev has 1 values"),
        ({"per_bin_stddev": [0.0] * 128}, "per_bin_stddev must be positive"),
        ({"sampling_rate": 8_000}, "sampling_rate is 8000"),
        ({"preemphasis_htk_flavor": False}, "preemphasis_htk_flavor is False"),
        ({"input_scale_factor": 2.0}, "input_scale_factor is 2.0"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
def test_settings_that_cannot_be_followed_are_named(
    name: str, changes: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    contents = published(**changes)
    path = write(tmp_path, name, contents if name.startswith("pre") else {"feature_extractor": contents})
    with pytest.raises(ModelError, match=f"(?s){re.escape(str(path))}.*{re.escape(complaint)}"):
        FrontendConfig.read(tmp_path)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
@pytest.mark.parametrize("contents", ["", "{", "[]", '"mel"', "7", "\ufffe\u0000"])
def test_a_broken_file_is_named(name: str, contents: str, tmp_path: Path) -> None:
    path = write(tmp_path, name, contents)
    with pytest.raises(ModelError, match=re.escape(str(path))):
        FrontendConfig.read(tmp_path)
