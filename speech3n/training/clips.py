"""Recordings whose words are known, and by when each word has been said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.source import FileSource
from speech3n.audio.vad import SLOT_SAMPLES, VoiceActivityDetector
from speech3n.errors import Speech3nError
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

_SLOT_S = SLOT_SAMPLES / SAMPLE_RATE
_KNOWN_AFTER_S = 0.4
"""A word is asked for when this much was heard after it ..."""
_LAST_KNOWN_S = 0.12
"""... and all words of an utterance this long before it ends, since nothing need come after it."""
_PRE_ROLL_S = 0.4


class ManifestError(Speech3nError):
    """A list of clips that cannot be trained on."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What can be recited from one begin: a whole clip, or one utterance of it; times in seconds of the clip."""

    name: str
    language: str
    waveform: Waveform
    """The clip."""
    earliest: float
    """Where what is heard may begin at the earliest, and ..."""
    latest: float
    """... at the latest: shortly before the speech."""
    speech_end: float
    end: float
    """Where the next utterance, or the end of the clip, is."""
    words: tuple[str, ...]
    known: tuple[float, ...]
    """When each word has been said and is asked for."""
    translation: tuple[str, ...]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(self.words)

    @property
    def session_begin(self) -> float:
        """Where the utterance begins as the session cuts it."""
        return max(self.earliest, self.latest - _PRE_ROLL_S)

    def said(self, heard_s: float) -> tuple[str, str]:
        """Text and translation of what was said by a time: they only grow as the time does."""
        count = sum(known <= heard_s for known in self.known)
        translated = len(self.translation) * count // len(self.words)
        return " ".join(self.words[:count]), " ".join(self.translation[:translated])


def read_passages(manifest: Path) -> list[Passage]:
    """All that can be recited of the clips of a manifest; raises ManifestError.

    A line has `audio` (relative to the manifest), `language`, `text` and `translation_en` (null for English). A
    clip with pauses also has `utterances`: `start`, `end`, `text` and `translation_en` of what captions cut it into.
    """
    passages: list[Passage] = []
    for number, line in enumerate(manifest.read_text("utf-8").splitlines(), 1):
        try:
            passages += _passages_of(json.loads(line), manifest.parent)
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{manifest}, line {number}, does not describe a clip: {error!r}.") from error
    if not passages:
        raise ManifestError(f"{manifest} lists no clips.")
    return passages


def _passages_of(entry: Mapping[str, Any], folder: Path) -> list[Passage]:
    path = folder / entry["audio"]
    waveform = np.concatenate(list(FileSource(path).frames()))
    end = len(waveform) / SAMPLE_RATE
    voiced = _voiced(waveform)
    parts = entry.get("utterances") or [{**entry, "start": 0.0, "end": end}]
    utterances: list[Passage] = []
    for index, part in enumerate(parts):
        slots = np.arange(round(part["start"] / _SLOT_S), min(round(part["end"] / _SLOT_S), len(voiced)))
        speech = np.minimum((slots[voiced[slots]] + 1) * _SLOT_S, end)
        words = str(part["text"]).split()
        limit = parts[index + 1]["start"] if index + 1 < len(parts) else end
        utterances.append(
            Passage(
                name=path.stem if len(parts) == 1 else f"{path.stem}/{index + 1}",
                language=entry["language"],
                waveform=waveform,
                earliest=part["start"],
                latest=max(part["start"], float(speech[0]) - 2 * _SLOT_S),
                speech_end=float(speech[-1]),
                end=max(limit, part["end"]),
                words=tuple(words),
                known=_known(words, speech),
                translation=tuple(str(part.get("translation_en") or part["text"]).split()),
            )
        )
    if len(parts) == 1:
        return utterances
    first, last = utterances[0], utterances[-1]
    words = str(entry["text"]).split()
    if words != [word for utterance in utterances for word in utterance.words]:
        raise ValueError("the utterances do not add up to the text")
    known = tuple(known for utterance in utterances for known in utterance.known)
    translation = tuple(str(entry.get("translation_en") or entry["text"]).split())
    whole = Passage(
        path.stem,
        entry["language"],
        waveform,
        0.0,
        first.latest,
        last.speech_end,
        end,
        tuple(words),
        known,
        translation,
    )
    return [whole, *utterances]


def _voiced(waveform: Waveform) -> NDArray[np.bool_]:
    """Which slots of 32 ms hold speech, by the detector that cuts utterances in a session."""
    detector = VoiceActivityDetector()
    slots = [detector.push(waveform[start : start + FRAME_SAMPLES]) for start in range(0, len(waveform), FRAME_SAMPLES)]
    return np.concatenate(slots)


def _known(words: Sequence[str], voiced: NDArray[np.float64]) -> tuple[float, ...]:
    """When each word is known, if words take sound, at the times `voiced`, in proportion to their letters."""
    letters = np.cumsum([len(word) + 1 for word in words])
    ends = voiced[np.minimum(letters * len(voiced) // letters[-1], len(voiced) - 1)]
    return tuple(float(time) for time in np.minimum(ends + _KNOWN_AFTER_S, voiced[-1] - _LAST_KNOWN_S))
