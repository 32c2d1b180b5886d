"""espeak-ng: text to the phonemes that Kokoro reads, spelt as Kokoro was trained with them, and to its own voice."""

from __future__ import annotations

import ctypes
import functools
import re

import numpy as np

from speech3n.errors import ModelError
from speech3n.runtime.extras import require
from speech3n.types import Waveform

_IPA, _TIE = 0x02, 0x80 | ord("^") << 8
"""Modes of espeak_TextToPhonemes (speak_lib.h): names in IPA, with ^ between the letters of one phoneme."""
_UTF8, _SYNCHRONOUS = 1, 2
_RATE, _PITCH = 1, 3
"""Parameters of espeak_SetParameter: words a minute, and 0 to 100, usually 50."""
_WORDS_A_MINUTE = 165
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_PUNCTUATION = re.compile(r"(\s*[;:,.!?¡¿—…\"«»“”()]+\s*)")
_LANGUAGE_SWITCH = re.compile(r"\([^)]*\)")
_SYLLABIC = re.compile("(\\S)\u0329")

# Kokoro's spelling of what espeak-ng writes with several letters (hexgrad/misaki, espeak.py; Apache-2.0).
_JOINED = {"a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "t^s": "ʦ", "t^ʃ": "ʧ"}
_ENGLISH = {"ʔn\u0329": "tᵊn", "ʔn": "tᵊn", "ʔ": "t", "ə^l": "ᵊl", "ɔ^ɪ": "Y", "ɚ": "əɹ", "r": "ɹ", "x": "k", "ɐ": "ə"}
_BRITISH = {"e^ə": "ɛː", "iə": "ɪə"}
_AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": ""}
ACCENTS = {
    "en-US": "en-us",
    "en-GB": "gmw/en",
    "es": "es",
    "es-419": "roa/es-419",
    "fr": "roa/fr",
    "it": "it",
    "pt-BR": "roa/pt-BR",
    "pt-PT": "roa/pt",
}
"""Accents that can be spoken, and espeak-ng's names for them."""


class Espeak:
    """espeak-ng as a library, from the package espeakng-loader.

    Raises MissingExtraError where the package is missing, ModelError where it does not start.
    The library is one for the whole process, not made for threads or for being started twice: take `espeak`.
    """

    def __init__(self) -> None:
        require("espeakng_loader", "synthesis")
        import espeakng_loader

        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except OSError as error:
            raise ModelError(f"espeak-ng cannot be loaded: {error}.", "Install espeakng-loader anew.") from error
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), 0)
        if self.sample_rate < 0:
            raise ModelError(f"espeak-ng does not start with the data in '{data}'.", "Install espeakng-loader anew.")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._voice = ""
        self._spoken: list[Waveform] = []
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def phonemes(self, text: str, accent: str) -> str:
        """What Kokoro reads for a text in one of ACCENTS; punctuation stays, because it makes the melody."""
        self._choose(ACCENTS[accent])
        parts = _PUNCTUATION.split(text.strip().replace("’", "'"))
        spoken = [self._raw(part) if index % 2 == 0 else _mark(part) for index, part in enumerate(parts)]
        return respell("".join(spoken), accent).strip()

    def speak(self, text: str, accent: str, variant: str, speed: float, pitch: float) -> Waveform:
        """A waveform [T] at `sample_rate`, by one of espeak-ng's variants of a voice; speed and pitch are factors."""
        self._choose(f"{ACCENTS[accent]}+{variant}")
        self._library.espeak_SetParameter(_RATE, round(_WORDS_A_MINUTE * speed), 0)
        self._library.espeak_SetParameter(_PITCH, round(50 * pitch), 0)
        self._spoken.clear()
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        return np.concatenate([np.zeros(0, np.float32), *self._spoken])

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        """What espeak-ng calls with each piece of sound, and at the end with none; 0 to go on."""
        if samples and count > 0:
            self._spoken.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / np.float32(32_768))
        return 0

    def _choose(self, voice: str) -> None:
        if voice == self._voice:
            return
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ModelError(f"espeak-ng knows no voice '{voice}'.", "Install espeakng-loader anew.")
        self._voice = voice

    def _raw(self, text: str) -> str:
        if not text:
            return ""
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value is not None:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA | _TIE)
            clauses.append(clause.decode("utf-8") if clause else "")
        return _LANGUAGE_SWITCH.sub("", " ".join(clauses))


@functools.cache
def espeak() -> Espeak:
    """The one that the process has; raises ModelError where it is missing."""
    return Espeak()


def respell(phonemes: str, accent: str) -> str:
    """espeak-ng's phonemes, tied with ^, as Kokoro has them."""
    spelling = dict(_JOINED)
    if accent.startswith("en"):
        spelling = {**spelling, **_ENGLISH, **(_BRITISH if accent == "en-GB" else _AMERICAN)}
    for theirs in sorted(spelling, key=len, reverse=True):
        phonemes = phonemes.replace(theirs, spelling[theirs])
    if accent.startswith("en"):
        phonemes = _SYLLABIC.sub(r"ᵊ\1", phonemes).replace("\u0303", "")
    return phonemes.replace("^", "").replace("-", "").replace("\u0329", "").replace("\u032f", "")


def _mark(punctuation: str) -> str:
    """Punctuation as it sounds: what opens a question in Spanish is silent, guillemets are quotes."""
    marks = punctuation.strip().translate(str.maketrans("«»", "“”", "¿¡"))
    return f"{' ' if punctuation[0].isspace() else ''}{marks}{' ' if punctuation[-1].isspace() else ''}"
