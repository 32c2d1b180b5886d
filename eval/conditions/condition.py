"""What can happen to a clip before it is recognised, by name: `noise:white:10`, `reverb:0.6`, `telephone`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.acoustics.filters import convolve
from speech3n.audio.acoustics.reverberation import room_response
from speech3n.audio.acoustics.telephone import telephone_line
from speech3n.errors import UsageError
from speech3n.eval.conditions.noise import babble, pink_noise, white_noise
from speech3n.eval.conditions.speech_level import active_speech_level_db
from speech3n.eval.sets.clip import Clip
from speech3n.types import SAMPLE_RATE, Waveform

NoiseKind = Literal["white", "pink", "babble"]

_CEILING = 1 - 2**-15
"""The loudest sample of 16 bits, taken for both signs."""
_SEED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Altered:
    """A waveform [T] under a condition, and what a reader of the result should know.

    What is at `t` seconds in the clean clip is at `t + shift_s` here. `gain_db` is the level of the clean sound in it:
    not 0 where a mix was made softer to stay within full scale. `clipped` is the share of samples that were cut off.
    """

    pcm: Waveform
    shift_s: float = 0.0
    gain_db: float = 0.0
    clipped: float = 0.0


class Condition(Protocol):
    """One thing done to a waveform: the same to the same samples, on any machine and in any order."""

    @property
    def name(self) -> str:
        """What `parse_condition` takes."""
        ...

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Alter [T]; `others` are clips for babble. Raises AudioError where one of them can't be read."""
        ...


@dataclass(frozen=True, slots=True)
class Clean:
    """Nothing."""

    @property
    def name(self) -> str:
        """`clean`."""
        return "clean"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """The samples as they are."""
        return Altered(pcm)


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise all through the clip, `snr_db` below its speech.

    The ratio is that of the active speech level (`active_speech_level_db`: pauses do not count) to the RMS of the
    noise over the whole clip, both from 0 to 8 kHz and unweighted. The noise of a clip is the same at every ratio;
    only its level differs. Silence has no level to be below, and stays silence. Where the sum would clip, all of
    it is made softer, which leaves the ratio as it is.
    """

    kind: NoiseKind
    snr_db: float

    @property
    def name(self) -> str:
        """`noise:KIND:DB`."""
        return f"noise:{self.kind}:{_number(self.snr_db)}"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Add the noise; raises UsageError for babble without other clips."""
        if self.kind == "babble" and not others:
            raise UsageError(f"{self.name} is made of other clips, and there are none.", "Give a set of two or more.")
        level_db = active_speech_level_db(pcm)
        if level_db is None:
            return Altered(pcm)
        random = np.random.default_rng([_SEED, *hashlib.sha256(pcm.tobytes()).digest()])
        if self.kind == "babble":
            noise = babble(len(pcm), others, random)
        else:
            noise = (white_noise if self.kind == "white" else pink_noise)(len(pcm), random)
        return _within_full_scale(pcm + noise * 10 ** ((level_db - self.snr_db) / 20))


@dataclass(frozen=True, slots=True)
class Reverberation:
    """A room whose sound falls by 60 dB in `rt60_s` seconds (`room_response`).

    The direct sound stays where it was, so that word times hold; what rings on after the end of the clip is cut off.
    Where the sum would clip, all of it is made softer.
    """

    rt60_s: float

    @property
    def name(self) -> str:
        """`reverb:SECONDS`."""
        return f"reverb:{_number(self.rt60_s)}"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Let the room answer."""
        return _within_full_scale(convolve(pcm, room_response(self.rt60_s)))


@dataclass(frozen=True, slots=True)
class Telephone:
    """A telephone line (`telephone_line`)."""

    @property
    def name(self) -> str:
        """`telephone`."""
        return "telephone"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Send it down the line; what the line overshoots is cut off."""
        return _clipped(telephone_line(pcm))


@dataclass(frozen=True, slots=True)
class Gain:
    """Louder or softer by `gain_db`. What goes past full scale is cut off, as an overdriven input would."""

    gain_db: float

    @property
    def name(self) -> str:
        """`gain:+DB` or `gain:-DB`."""
        return f"gain:{'' if self.gain_db < 0 else '+'}{_number(self.gain_db)}"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Multiply, and clip."""
        return _clipped(pcm * np.float64(10 ** (self.gain_db / 20)), self.gain_db)


@dataclass(frozen=True, slots=True)
class Silence:
    """`seconds` of digital silence before or after the clip; before it, all times move by as much."""

    where: Literal["leading", "trailing"]
    seconds: float

    @property
    def name(self) -> str:
        """`leading-silence:SECONDS` or `trailing-silence:SECONDS`."""
        return f"{self.where}-silence:{_number(self.seconds)}"

    def apply(self, pcm: Waveform, others: Sequence[Clip] = ()) -> Altered:
        """Put the silence in."""
        samples = round(self.seconds * SAMPLE_RATE)
        if self.where == "trailing":
            return Altered(np.pad(pcm, (0, samples)))
        return Altered(np.pad(pcm, (samples, 0)), shift_s=samples / SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a kind of condition is written: what stands before the number, and the numbers that make sense."""

    prefix: str
    unit: str
    lowest: float
    highest: float
    make: Callable[[float], Condition]


def _noise_form(kind: NoiseKind) -> _Form:
    return _Form(f"noise:{kind}", "DB", -30.0, 80.0, lambda snr_db: Noise(kind, snr_db))


_PLAIN: dict[str, Condition] = {condition.name: condition for condition in (Clean(), Telephone())}
_FORMS = (
    *(_noise_form(cast(NoiseKind, kind)) for kind in get_args(NoiseKind)),
    _Form("reverb", "SECONDS", 0.05, 10.0, Reverberation),
    _Form("gain", "DB", -80.0, 80.0, Gain),
    _Form("leading-silence", "SECONDS", 0.0, 600.0, lambda seconds: Silence("leading", seconds)),
    _Form("trailing-silence", "SECONDS", 0.0, 600.0, lambda seconds: Silence("trailing", seconds)),
)
CONDITION_FORMS = (*_PLAIN, *(f"{form.prefix}:{form.unit}" for form in _FORMS))
"""All that `parse_condition` takes, for help texts."""


def parse_condition(name: str) -> Condition:
    """The condition of a name such as `noise:babble:5`; raises UsageError that lists what there is."""
    if name in _PLAIN:
        return _PLAIN[name]
    prefix, _, number = name.rpartition(":")
    form = next((form for form in _FORMS if form.prefix == prefix), None)
    if form is None:
        raise UsageError(f'There is no condition "{name}".', f"{_suggestion(name)}Choose {_listed()}.")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not form.lowest <= value <= form.highest:
        raise UsageError(
            f'"{number}" in the condition "{name}" does not fit {form.prefix}:{form.unit}.',
            f"Give a number from {_number(form.lowest)} to {_number(form.highest)}.",
        )
    # Minus nothing is nothing, and has the same name.
    return form.make(value or 0.0)


SWEEP: tuple[Condition, ...] = (
    Clean(),
    *(Noise(kind, snr_db) for kind in ("white", "pink", "babble") for snr_db in (20.0, 10.0, 5.0, 0.0)),
    *(Reverberation(rt60_s) for rt60_s in (0.3, 0.6, 1.0)),
    Telephone(),
    *(Gain(gain_db) for gain_db in (-30.0, 20.0)),
    *(Silence(where, 5.0) for where in ("leading", "trailing")),
)
"""What to try where nobody says: from hardly audible to hard for people too."""


def _within_full_scale(mix: NDArray[np.float64]) -> Altered:
    peak = float(np.abs(mix).max(initial=0.0))
    scale = min(1.0, _CEILING / peak) if peak else 1.0
    return Altered((mix * scale).astype(np.float32), gain_db=20 * math.log10(scale))


def _clipped(samples: NDArray[np.floating], gain_db: float = 0.0) -> Altered:
    over = float((np.abs(samples) > 1.0).mean()) if len(samples) else 0.0
    return Altered(np.clip(samples, -1.0, _CEILING).astype(np.float32), gain_db=gain_db, clipped=over)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _listed() -> str:
    return f"{', '.join(CONDITION_FORMS[:-1])} or {CONDITION_FORMS[-1]}"


def _suggestion(name: str) -> str:
    """The nearest name that there is, where only letters are wrong."""
    prefix, colon, number = name.rpartition(":")
    written, known = (prefix, [form.prefix for form in _FORMS]) if colon else (name, list(_PLAIN))
    near = get_close_matches(written, known, n=1)
    return f'Did you mean "{near[0]}{colon}{number if colon else ""}"? ' if near else ""
