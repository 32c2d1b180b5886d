"""The response of a room that is made, not measured: the direct sound and a tail that dies away."""

from __future__ import annotations

import numpy as np

from speech3n.audio.acoustics.filters import Samples
from speech3n.types import SAMPLE_RATE

_SEED = 60
_FIRST_REFLECTION_S = 0.0025


def room_response(rt60_s: float, seed: int = _SEED) -> Samples:
    """The response of a room whose sound falls by 60 dB in `rt60_s` seconds, shape [K]; a room for each time and seed.

    The statistical model of a diffuse room (Polack 1988, La transmission de l'energie sonore dans les salles):
    Gaussian noise under an exponential envelope, exp(-3 ln 10 t / RT60), alike at all frequencies. It begins
    2.5 ms after the direct sound and ends 60 dB down. The direct sound is the first sample, and is 1, so that
    nothing is delayed. Direct sound and tail have the same energy, as at the critical distance from a speaker.
    """
    time = np.arange(max(1, round(rt60_s * SAMPLE_RATE))) / SAMPLE_RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    tail = noise * np.exp(-3 * np.log(10) * time / rt60_s)
    tail /= np.sqrt(np.square(tail).sum())
    return np.concatenate([[1.0], np.zeros(round(_FIRST_REFLECTION_S * SAMPLE_RATE) - 1), tail])
