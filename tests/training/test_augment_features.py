"""Laws of the changes to features: what must stay, what must move, and by how much."""

from dataclasses import replace

import numpy as np
import pytest

from speech3n.audio.frontend import LogMel
from speech3n.training.data.augment.features import (
    FeatureAugmentation,
    add_noise,
    add_reverberation,
    augment_features,
    mask_features,
    microphone_response,
    steady_noise,
    telephone_band,
    warp,
)
from speech3n.training.data.features import FLOOR, FeatureWriter, Mel
from tests.training.nano_doubles import NO_AUGMENTATION

RANDOM = np.random.default_rng


@pytest.fixture(scope="module")
def mel(tmp_path_factory: pytest.TempPathFactory) -> Mel:
    return _features(tmp_path_factory, 440.0)


def _features(tmp_path_factory: pytest.TempPathFactory, hertz: float) -> Mel:
    time = np.arange(32_000) / 16_000
    harmonics = sum(np.sin(2 * np.pi * hertz * order * time) / order for order in range(1, 9))
    waveform = (0.1 * harmonics * np.clip(np.sin(2 * np.pi * 2 * time), 0, 1)).astype(np.float32)
    return FeatureWriter(tmp_path_factory.mktemp("features")).features(waveform)


def test_nothing_changes_when_nothing_is_to_change(mel: Mel) -> None:
    assert np.array_equal(augment_features(mel, mel, NO_AUGMENTATION, RANDOM(0)), mel)
    assert np.allclose(warp(mel, 1.0, 1.0), mel, atol=1e-4)


def test_less_strength_changes_clips_less(mel: Mel) -> None:
    def distance(share: float) -> float:
        augmentation = FeatureAugmentation(warp=0, noise=0, gain_db=(0, 0), margin_frames=0, masks=0).scaled(share)
        return float(
            np.mean([np.abs(augment_features(mel, mel, augmentation, RANDOM(seed)) - mel).mean() for seed in range(60)])
        )

    nothing, little, all_of_it = (distance(share) for share in (0.0, 0.3, 1.0))
    assert nothing == 0
    assert 0 < little < all_of_it / 2


def test_voices_change_as_much_when_all_else_changes_little(mel: Mel) -> None:
    def lengths(share: float) -> list[int]:
        augmentation = FeatureAugmentation(margin_frames=0).scaled(share)
        return [len(augment_features(mel, mel, augmentation, RANDOM(seed))) for seed in range(40)]

    assert lengths(0.1) == lengths(1.0)
    assert np.std(lengths(0.1)) > 0.03 * len(mel)
    assert set(lengths(0.0)) == {len(mel)}


def test_recordings_are_as_loud_and_as_seldom_without_noise_when_all_else_changes_little(mel: Mel) -> None:
    def pauses_and_levels(share: float) -> tuple[float, float, float]:
        """How often pauses are filled, how much so on average, and the spread of levels; in shares and nepers."""
        augmentation = FeatureAugmentation(warp=0, margin_frames=0, masks=0, room=0, curve=0, telephone=0).scaled(share)
        changed = [augment_features(mel, mel, augmentation, RANDOM(seed)) for seed in range(60)]
        depths = np.array([np.quantile(one.max(1), 0.95) - np.quantile(one.max(1), 0.05) for one in changed])
        clean = np.quantile(mel.max(1), 0.95) - np.quantile(mel.max(1), 0.05)
        filled = depths < 0.9 * clean
        return float(filled.mean()), float(depths[filled].mean()), float(np.std([one.max() for one in changed]))

    often, depth, spread = pauses_and_levels(1.0)
    gently_often, gently_depth, gently_spread = pauses_and_levels(0.4)
    assert gently_often > 0.4
    assert abs(gently_often - often) < 0.2
    assert gently_depth > depth
    assert gently_spread == pytest.approx(spread, rel=0.3)


def test_as_much_is_masked_when_all_else_changes_little(mel: Mel) -> None:
    def frames_mask_features(share: float) -> int:
        augmentation = replace(
            NO_AUGMENTATION, masks=2, masked_frames=FeatureAugmentation().scaled(share).masked_frames
        )
        flat = [np.ptp(augment_features(mel, mel, augmentation, RANDOM(seed)), axis=1) == 0 for seed in range(20)]
        return int(np.sum(flat) - 20 * (np.ptp(mel, axis=1) == 0).sum())

    assert frames_mask_features(0.1) == frames_mask_features(1.0) > 20
    assert frames_mask_features(0.0) == 0


def test_the_same_seed_gives_the_same_and_no_change_leaves_the_range(mel: Mel) -> None:
    for seed in range(40):
        one, other = (augment_features(mel, mel, FeatureAugmentation(), RANDOM(seed)) for _ in range(2))
        assert np.array_equal(one, other)
        assert np.isfinite(one).all()
        assert one.min() >= np.float32(FLOOR)
        assert one.dtype == np.float32


def test_a_shorter_tract_moves_formants_up_and_speed_shortens(
    mel: Mel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    higher = _features(tmp_path_factory, 440.0 * 1.1)
    loud = slice(10, 20)
    moved = warp(mel, 1.1, 1.0)
    closeness = [np.corrcoef(each[loud, :70].ravel(), higher[loud, :70].ravel())[0, 1] for each in (moved, mel)]
    assert closeness[0] > closeness[1] + 0.1
    assert len(warp(mel, 1.0, 1.25)) == round(len(mel) / 1.25)


def test_a_room_adds_a_tail_and_nothing_before_the_sound(mel: Mel) -> None:
    clap = np.full((100, 128), FLOOR, np.float32)
    clap[20] = 2.0
    changed = add_reverberation(clap, 0.5, 0.3)
    assert np.allclose(changed[:20], FLOOR, atol=0.05)
    assert changed[20, 0] == pytest.approx(2.0, abs=0.01)
    # 60 dB in half a second: 6 dB in 50 ms.
    assert np.diff(changed[21:60:5, 5]) == pytest.approx(-0.691, abs=0.02)
    tail = np.exp(2 * changed[21:, 0]).sum() / np.exp(2 * changed[20, 0])
    assert tail == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 25.0])
def test_noise_lies_as_far_below_the_speech_as_asked(mel: Mel, snr_db: float) -> None:
    noise = steady_noise(mel.shape, RANDOM(1))
    energy = np.exp(2 * mel).sum(1)
    loud = energy[energy >= np.median(energy)].mean()
    added = (np.exp(2 * add_noise(mel, noise, snr_db)) - np.exp(2 * mel)).sum(1).mean()
    assert 10 * np.log10(loud / added) == pytest.approx(snr_db, abs=0.1)


def test_a_telephone_takes_the_low_and_the_high_and_leaves_the_rest() -> None:
    flat = np.zeros((3, 128), np.float32)
    changed = telephone_band(flat)
    assert changed[0, 0] < -3
    assert changed[0, -1] < -3
    assert (changed[0, 25:85] == 0).all()


def test_a_microphone_colours_without_making_louder() -> None:
    curves = np.stack([microphone_response(128, 6.0, RANDOM(seed)) for seed in range(200)])
    assert abs(curves.mean()) < 0.1
    assert 0.3 < curves.std() < 1.5
    assert np.abs(np.diff(curves, axis=1)).max() < 0.5


def test_masks_hide_some_and_leave_most(mel: Mel) -> None:
    augmentation = FeatureAugmentation()
    for seed in range(20):
        hidden = mask_features(mel, augmentation, RANDOM(seed)) != mel
        assert hidden.all(0).sum() <= augmentation.masks * augmentation.masked_bins
        assert hidden.all(1).sum() <= augmentation.masks * augmentation.masked_frames
    assert any((mask_features(mel, augmentation, RANDOM(seed)) != mel).any() for seed in range(3))


def test_floor_is_that_of_the_front_end() -> None:
    assert pytest.approx(FLOOR) == float(LogMel().silence[0])
