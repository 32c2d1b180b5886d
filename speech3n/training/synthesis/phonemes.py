"""Text to the phonemes that Kokoro reads: those of espeak-ng, spelt as Kokoro was trained with them."""

from __future__ import annotations

import ctypes
import functools
import re

from speech3n.errors import ModelError

_IPA, _TIE = 0x02, 0x80 | ord("^") << 8
"""Modes of espeak_TextToPhonemes (speak_lib.h): names in IPA, with ^ between the letters of one phoneme."""
_UTF8, _RETRIEVAL = 1, 2
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
    """espeak-ng as a library, from the package espeakng-loader; raises ModelError where it is missing.

    The library is one for the whole process, not made for threads or for being started twice: take `espeak`.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader

            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (ImportError, OSError) as error:
            raise ModelError(f"espeak-ng is missing: {error}.", "pip install 'speech3n[train]' brings it.") from error
        if self._library.espeak_Initialize(_RETRIEVAL, 0, str(data).encode(), 0) < 0:
            raise ModelError(f"espeak-ng does not start with the data in '{data}'.", "Install espeakng-loader anew.")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._accent = ""

    def phonemes(self, text: str, accent: str) -> str:
        """What Kokoro reads for a text in one of ACCENTS; punctuation stays, because it makes the melody."""
        if accent != self._accent:
            if self._library.espeak_SetVoiceByName(ACCENTS[accent].encode()) != 0:
                raise ModelError(f"espeak-ng knows no voice '{ACCENTS[accent]}'.", "Install espeakng-loader anew.")
            self._accent = accent
        parts = _PUNCTUATION.split(text.strip().replace("’", "'"))
        spoken = [self._raw(part) if index % 2 == 0 else _mark(part) for index, part in enumerate(parts)]
        return respell("".join(spoken), accent).strip()

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
