"""Features of a clip as another voice, room, microphone_response or noise would make them, and SpecAugment.

All on log-mel frames [T, bins], so that features on disk serve for any number of passes. Magnitudes of sounds that
have nothing to do with each other add as powers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech3n.training.data.features import FLOOR, Mel

_LOWEST_MEL, _HIGHEST_MEL = (2595 * np.log10(1 + hz / 700) for hz in (125.0, 7600.0))


@dataclass(frozen=True, slots=True)
class FeatureAugmentation:
    """How often and how much; the standard is for synthetic speech that is to serve for real speech."""

    warp: float = 0.8
    """How often length of the vocal tract and speed change."""
    tract: float = 0.13
    speed: float = 0.12
    curve: float = 0.6
    """How often a microphone_response colours the sound, by ..."""
    curve_db: float = 7.0
    room: float = 0.3
    noise: float = 0.7
    snr_db: tuple[float, float] = (3.0, 50.0)
    telephone: float = 0.08
    gain_db: tuple[float, float] = (-20.0, 10.0)
    margin_frames: int = 50
    """The longest that is put before and after the clip."""
    masks: int = 2
    masked_bins: int = 22
    masked_frames: int = 20

    def scaled(self, share: float) -> FeatureAugmentation:
        """Changes `share` times as often and as far; of 0, everything stays as it was.

        Voices and loudness change as ever, because another one is no harder to understand, and there is noise as
        often, if not as loud: synthesisers are silent between words, and nothing that is recorded is. As much is
        masked, too: a few hours of clips would be learned by heart.
        """
        lowest, highest = self.snr_db
        return FeatureAugmentation(
            warp=self.warp if share else 0.0,
            tract=self.tract,
            speed=self.speed,
            curve=share * self.curve,
            curve_db=share * self.curve_db,
            room=share * self.room,
            noise=self.noise if share else 0.0,
            snr_db=(highest + share * (lowest - highest), highest),
            telephone=share * self.telephone,
            gain_db=self.gain_db if share else (0.0, 0.0),
            margin_frames=round(share * self.margin_frames),
            masks=self.masks,
            masked_bins=self.masked_bins if share else 0,
            masked_frames=self.masked_frames if share else 0,
        )


def augment_features(mel: Mel, other: Mel, augmentation: FeatureAugmentation, random: np.random.Generator) -> Mel:
    """The features [T, bins] of a clip as another recording has them; `other` is a clip that may be added as noise."""
    if random.random() < augmentation.warp:
        mel = warp(
            mel,
            float(np.exp(random.uniform(-1, 1) * augmentation.tract)),
            float(np.exp(random.uniform(-1, 1) * augmentation.speed)),
        )
    before, after = random.integers(0, augmentation.margin_frames, 2, endpoint=True)
    mel = np.pad(mel, ((before, after), (0, 0)), constant_values=FLOOR)
    if random.random() < augmentation.room:
        mel = add_reverberation(mel, random.uniform(0.15, 0.8), random.uniform(0.02, 0.4))
    gain = random.uniform(*augmentation.gain_db) * np.log(10) / 20
    if random.random() < augmentation.curve:
        gain = gain + microphone_response(mel.shape[1], augmentation.curve_db, random)
    mel = mel + gain
    if random.random() < augmentation.noise:
        snr_db = random.uniform(*augmentation.snr_db)
        noise = _looped(other, len(mel), random) if random.random() < 0.25 else steady_noise(mel.shape, random)
        mel = add_noise(mel, noise, snr_db)
    if random.random() < augmentation.telephone:
        mel = telephone_band(mel)
    mel = np.maximum(mel, FLOOR)
    return mask_features(mel, augmentation, random).astype(np.float32)


def warp(mel: Mel, tract: float, speed: float) -> Mel:
    """What is at f Hz moves to f * tract (a shorter vocal tract), and everything goes `speed` times as fast."""
    bins = mel.shape[1]
    hertz = 700 * (10 ** (np.linspace(_LOWEST_MEL, _HIGHEST_MEL, bins + 2)[1:-1] / 2595) - 1)
    mels = 2595 * np.log10(1 + hertz / tract / 700)
    places = (mels - _LOWEST_MEL) / (_HIGHEST_MEL - _LOWEST_MEL) * (bins + 1) - 1
    length = max(1, round(len(mel) / speed))
    return _read(_read(mel, np.linspace(0, len(mel) - 1, length)).T, places).T


def add_reverberation(mel: Mel, rt60_s: float, ratio: float) -> Mel:
    """With a tail after each frame that falls by 60 dB in `rt60_s`; its energy is `ratio` of the direct sound's."""
    time = np.arange(1, max(2, round(rt60_s * 100)) + 1)
    tail = 10 ** (-6 * time / (rt60_s * 100))
    response = np.concatenate([[1.0], ratio * tail / tail.sum()])
    size = 1 << int(len(mel) + len(response)).bit_length()
    spectrum = np.fft.rfft(np.exp(2 * mel), size, axis=0) * np.fft.rfft(response, size)[:, None]
    power = np.fft.irfft(spectrum, size, axis=0)[: len(mel)]
    return _log(power)


def microphone_response(bins: int, deviation_db: float, random: np.random.Generator) -> Mel:
    """A smooth curve [bins] of logarithmic gain, and a slope."""
    knots = random.standard_normal(7) * deviation_db + np.linspace(-1, 1, 7) * random.standard_normal() * deviation_db
    curve = np.interp(np.linspace(0, 6, bins), np.arange(7), knots - knots.mean())
    scaled: Mel = (curve * np.log(10) / 20).astype(np.float32)
    return scaled


def steady_noise(shape: tuple[int, ...], random: np.random.Generator) -> Mel:
    """Steady noise [T, bins] of a random colour, which now and then swells."""
    frames, bins = shape
    colour = microphone_response(bins, 10.0, random)
    # The magnitude of a narrow band of noise is Rayleigh distributed.
    grain = 0.5 * np.log(random.standard_exponential((frames, bins)) + 1e-4)
    swell = np.interp(np.arange(frames), np.arange(0, frames + 50, 50), random.standard_normal(-(-(frames + 50) // 50)))
    drawn: Mel = (colour + grain * 0.5 + swell[:, None] * random.uniform(0, 0.8)).astype(np.float32)
    return drawn


def add_noise(mel: Mel, noise: Mel, snr_db: float) -> Mel:
    """With noise [T, bins] whose energy lies `snr_db` below that of the clip's louder half."""
    energy = np.exp(2 * mel).sum(1)
    loud = energy[energy >= np.median(energy)].mean()
    scale = np.log(loud / np.exp(2 * noise).sum(1).mean()) / 2 - snr_db * np.log(10) / 20
    return _log(np.exp(2 * mel) + np.exp(2 * (noise + scale)))


def telephone_band(mel: Mel) -> Mel:
    """Without what lies below 300 and above 3400 Hz."""
    bins = mel.shape[1]
    hertz = 700 * (10 ** (np.linspace(_LOWEST_MEL, _HIGHEST_MEL, bins + 2)[1:-1] / 2595) - 1)
    lost_db = np.interp(hertz, [0, 250, 320, 3350, 3600, 8000], [-50, -30, 0, 0, -30, -60])
    limited: Mel = mel + (lost_db * np.log(10) / 20).astype(np.float32)
    return limited


def mask_features(mel: Mel, augmentation: FeatureAugmentation, random: np.random.Generator) -> Mel:
    """SpecAugment (Park et al. 2019): bands and stretches replaced by the mean of the clip."""
    mel = mel.copy()
    fill = mel.mean()
    frames, bins = mel.shape
    for _ in range(augmentation.masks):
        width = int(random.integers(0, augmentation.masked_bins, endpoint=True))
        start = int(random.integers(0, bins - width))
        mel[:, start : start + width] = fill
        width = int(random.integers(0, min(augmentation.masked_frames, frames // 8), endpoint=True))
        start = int(random.integers(0, frames - width))
        mel[start : start + width] = fill
    return mel


def _read(rows: Mel, places: NDArray[np.float64]) -> Mel:
    """Rows between rows [P, N], linearly; those beyond the ends are silent."""
    below = np.floor(places).astype(int)
    share = (places - below)[:, None]
    inside = ((places >= 0) & (places <= len(rows) - 1))[:, None]
    first, second = (rows[np.clip(below + offset, 0, len(rows) - 1)] for offset in (0, 1))
    return np.where(inside, first * (1 - share) + second * share, FLOOR).astype(np.float32)


def _looped(mel: Mel, frames: int, random: np.random.Generator) -> Mel:
    return mel[(np.arange(frames) + int(random.integers(len(mel)))) % len(mel)]


def _log(power: NDArray[np.floating]) -> Mel:
    logarithm: Mel = (0.5 * np.log(np.maximum(power, np.exp(2 * FLOOR)))).astype(np.float32)
    return logarithm
