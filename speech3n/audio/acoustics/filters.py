"""Linear filters over whole recordings: convolution in blocks, and the band of a telephone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_BLOCK_SAMPLES = 1 << 16


def convolve(samples: NDArray[np.floating], response: Samples) -> Samples:
    """The causal convolution of [T] with a response [K], cut to [T]; overlap-add, so that memory stays bounded."""
    out = np.zeros(len(samples))
    size = 1 << (_BLOCK_SAMPLES + len(response) - 2).bit_length()
    spectrum = np.fft.rfft(response, size)
    for start in range(0, len(samples), _BLOCK_SAMPLES):
        block = samples[start : start + _BLOCK_SAMPLES]
        tail = np.fft.irfft(np.fft.rfft(block, size) * spectrum, size)[: len(samples) - start]
        tail = tail[: len(block) + len(response) - 1]
        out[start : start + len(tail)] += tail
    return out


def band_pass(samples: NDArray[np.floating], rate: int, low_hz: float, high_hz: float, taps: int) -> Samples:
    """[T] between two frequencies, which are the -6 dB points, without delay: an ideal response in a Kaiser window.

    `taps` is odd. The window (beta 7.9) keeps 80 dB off beyond transitions that are about 5 rate / taps wide.
    """
    assert taps % 2 == 1
    centre = taps // 2
    time = np.arange(taps) - centre
    ideal = _low_pass(time, high_hz / rate) - _low_pass(time, low_hz / rate)
    delayed = convolve(np.pad(samples, (0, centre)), ideal * np.kaiser(taps, 7.9))
    return delayed[centre:]


def _low_pass(time: NDArray[np.int_], cut_off: float) -> Samples:
    response: Samples = 2 * cut_off * np.sinc(2 * cut_off * time)
    return response
