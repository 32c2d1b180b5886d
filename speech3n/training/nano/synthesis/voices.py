"""Who speaks: voices and mixtures of voices, drawn so that a model is trained on many and measured on others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

HELD_OUT = frozenset({"am_michael", "em_alex", "im_nicola", "pm_alex", "bm_daniel", "jf_nezumi"})
"""Kokoro's voices that only validation clips have."""
KOKORO, PICO, ESPEAK = "kokoro", "pico", "espeak"
LANGUAGES = ("en", "es", "fr", "it", "pt")
_NATIVE = {"en": "ab", "es": "e", "fr": "f", "it": "i", "pt": "p"}
"""First letters of the names of Kokoro's voices in a language (a is American, b British)."""
_PICO_ACCENTS = {"en": ("en-US", "en-GB"), "es": ("es-ES",), "fr": ("fr-FR",), "it": ("it-IT",)}
_PICO_SHARE = {"fr": 0.15}
_USUAL_PICO_SHARE = 0.08
_ESPEAK_VARIANTS = (
    *("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "klatt2", "klatt4", "adam"),
    *("Alicia", "Andrea", "anika", "antonio", "belinda", "benjamin", "caleb", "david", "Diogo", "ed", "Gene"),
    *("Henrique", "Hugo", "iven", "john", "Lee", "linda", "Marco", "Mario", "max", "Michael", "miguel", "pablo"),
    *("paul", "rob", "sandro", "shelby", "steph", "travis", "victor", "zac"),
)
"""Those that are no whisper, no robot and no joke."""
_ACCENTS = {"en": ("en-US", "en-GB"), "es": ("es", "es-419"), "fr": ("fr",), "it": ("it",), "pt": ("pt-BR", "pt-PT")}
_NATIVE_SHARE = 0.5
_SINGLE_SHARE = 0.3
_FRENCH_LEAST = 0.4
"""Foreign voices are clear in French only with at least a third of the native one (Whisper base agrees)."""
_FRENCH_MOST = 0.7
_EUROPEAN_LEAST = 0.5
"""European Portuguese is clear only from voices that are half Portuguese: of a foreign one alone Whisper base gets
18 % of the letters wrong, of a native one 4 %."""
_SPEEDS = (0.85, 1.2)
_PITCHES = (0.85, 1.2)


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a synthesiser, or several with weights that sum to 1; `pitch` is a factor that Kokoro has not."""

    synthesiser: str
    parts: tuple[tuple[str, float], ...]
    pitch: float = 1.0

    def __str__(self) -> str:
        if self.synthesiser != KOKORO:
            return f"{self.synthesiser}_{self.parts[0][0]}@{self.pitch:.2f}"
        if len(self.parts) == 1:
            return self.parts[0][0]
        return "+".join(f"{name}:{weight:.2f}" for name, weight in self.parts)


@dataclass(frozen=True, slots=True)
class SpeakingStyle:
    """How a sentence is spoken: by whom, in which accent, and how fast (1 is the voice's own speed)."""

    voice: Voice
    accent: str
    speed: float


class VoiceSampler:
    """Draws who speaks next, from the voices there are, but for those held out.

    `pico_share` is how often Pico speaks where it knows the language; None: as often as serves its few voices.
    `espeak_share` is how often espeak-ng does.
    """

    def __init__(self, kokoro: Collection[str], *, pico_share: float | None = None, espeak_share: float = 0.0) -> None:
        self._kokoro = sorted(set(kokoro) - HELD_OUT)
        self._pico_share = pico_share
        self._espeak_share = espeak_share

    def draw(self, language: str, variant: str, random: np.random.Generator) -> SpeakingStyle:
        """Somebody who speaks a sentence of a language; `variant` is that of its text."""
        speed = round(float(random.uniform(*_SPEEDS)), 3)
        usual = _PICO_SHARE.get(language, _USUAL_PICO_SHARE)
        share = usual if self._pico_share is None else self._pico_share
        if self._espeak_share and random.random() < self._espeak_share:
            voice = Voice(ESPEAK, ((str(random.choice(_ESPEAK_VARIANTS)), 1.0),), _pitch(random))
            return SpeakingStyle(voice, str(random.choice(_ACCENTS[language])), speed)
        if language in _PICO_ACCENTS and random.random() < share:
            accent = str(random.choice(_PICO_ACCENTS[language]))
            return SpeakingStyle(Voice(PICO, ((accent, 1.0),), _pitch(random)), accent, speed)
        voice = self._french(random) if language == "fr" else self._any(language, random)
        return SpeakingStyle(voice, _accent(language, variant, voice, random), speed)

    def _any(self, language: str, random: np.random.Generator) -> Voice:
        """Half of the time a voice of the language, alone or first in a mixture, otherwise any."""
        native = self.native(language)
        pool = native if native and random.random() < _NATIVE_SHARE else self._kokoro
        first = str(random.choice(pool))
        if random.random() < _SINGLE_SHARE:
            return Voice(KOKORO, ((first, 1.0),))
        others = [name for name in self._kokoro if name != first]
        names = [first, *map(str, random.choice(others, random.integers(1, 3), replace=False))]
        return Voice(KOKORO, _weighted(names, random.dirichlet(np.ones(len(names))).tolist()))

    def _french(self, random: np.random.Generator) -> Voice:
        (first, *_) = self.native("fr") or self._kokoro
        if random.random() < 0.3:
            return Voice(KOKORO, ((first, 1.0),))
        others = [name for name in self._kokoro if name != first]
        names = [str(name) for name in random.choice(others, random.integers(1, 3), replace=False)]
        share = random.uniform(_FRENCH_LEAST, _FRENCH_MOST)
        rest = random.dirichlet(np.ones(len(names))) * (1 - share)
        return Voice(KOKORO, _weighted([first, *names], [share, *rest]))

    def native(self, language: str) -> list[str]:
        """The voices of a language."""
        return [name for name in self._kokoro if name[0] in _NATIVE[language]]


def _pitch(random: np.random.Generator) -> float:
    return round(float(random.uniform(*_PITCHES)), 2)


def _accent(language: str, variant: str, voice: Voice, random: np.random.Generator) -> str:
    """The accent: that of an English voice, that of a Portuguese text mostly, otherwise any."""
    accents = _ACCENTS[language]
    first = voice.parts[0][0][0]
    if language == "en" and first in _NATIVE["en"]:
        return "en-US" if first == "a" else "en-GB"
    if language == "pt" and sum(weight for name, weight in voice.parts if name[0] in _NATIVE["pt"]) < _EUROPEAN_LEAST:
        return "pt-BR"
    if variant in accents and random.random() < 0.7:
        return variant
    return str(random.choice(accents))


def _weighted(names: Sequence[str], weights: Sequence[float]) -> tuple[tuple[str, float], ...]:
    return tuple((name, round(float(weight), 4)) for name, weight in zip(names, weights, strict=True))
