"""A telephone line: 300 to 3400 Hz at 8 kHz, in the eight bits of mu-law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.acoustics.filters import Samples, band_pass
from speech3n.types import SAMPLE_RATE, Waveform

LINE_RATE = 8_000
BAND_HZ = (300.0, 3400.0)
_TAPS = 401
_FULL_SCALE = 8192
_BIAS = 33
_LOUDEST = 8158


def telephone_line(pcm: Waveform) -> Waveform:
    """[T] as it comes out of a telephone line, shape [T], nothing delayed: down to 8 kHz, band, mu-law, and back up.

    The band is that of ITU-T G.712, -6 dB at its ends, and steeper than the standard asks for.
    """
    import soxr

    line = soxr.resample(pcm, SAMPLE_RATE, LINE_RATE, quality="HQ")
    coded = mu_law(band_pass(line, LINE_RATE, *BAND_HZ, taps=_TAPS)).astype(np.float32)
    back = soxr.resample(coded, LINE_RATE, SAMPLE_RATE, quality="HQ")[: len(pcm)]
    received: Waveform = np.pad(back, (0, len(pcm) - len(back))).astype(np.float32)
    return received


def mu_law(samples: NDArray[np.floating]) -> Samples:
    """[T] in -1..1 after mu-law coding and decoding (ITU-T G.711, table 2); louder sound is clipped to 8031/8192."""
    biased = np.minimum(np.abs(samples) * _FULL_SCALE, _LOUDEST) + _BIAS
    # A code holds the position of the leading one of the biased sample, and the four bits after it.
    segment = np.frexp(biased)[1] - 6
    step = np.exp2(segment)
    magnitude = (2 * np.floor(biased / (2 * step)) + 1) * step - _BIAS
    decoded: Samples = np.copysign(magnitude / _FULL_SCALE, samples)
    return decoded
