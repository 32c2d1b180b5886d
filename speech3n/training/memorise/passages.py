"""Recordings whose words are known, and by when each word has been said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.source import FileSource
from speech3n.audio.vad import SLOT_SAMPLES, VoiceActivityDetector
from speech3n.training.data.manifest import ManifestEntry, ManifestError, read_manifest
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

_SLOT_S = SLOT_SAMPLES / SAMPLE_RATE
_KNOWN_AFTER_S = 0.4
"""A word is asked for when this much audio came after it ..."""
_LAST_KNOWN_S = 0.12
"""... and all words of an utterance this long before it ends, since nothing need come after it."""
_PRE_ROLL_S = 0.4


@dataclass(frozen=True, slots=True)
class Passage:
    """What can be recited from one begin: a whole clip, or one utterance of it; times in seconds of the clip."""

    name: str
    language: str
    waveform: Waveform
    """The clip."""
    earliest: float
    """Where a crop may begin at the earliest, and ..."""
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
    def whole(self) -> tuple[str, str]:
        """All words, and their translation."""
        return " ".join(self.words), " ".join(self.translation)

    @property
    def session_begin(self) -> float:
        """Where the utterance begins as the session cuts it."""
        return max(self.earliest, self.latest - _PRE_ROLL_S)

    def said_by(self, time_s: float) -> tuple[str, str]:
        """Text and translation of what was said by a time: they only grow as the time does."""
        count = sum(known <= time_s for known in self.known)
        translated = len(self.translation) * count // len(self.words)
        return " ".join(self.words[:count]), " ".join(self.translation[:translated])


def read_passages(manifest: Path) -> list[Passage]:
    """All that can be recited of the clips of a manifest; raises ManifestError.

    A clip with pauses also has `utterances`: `start`, `end`, `text` and `translation_en` of what captions cut it into.
    """
    passages: list[Passage] = []
    for entry in read_manifest(manifest):
        try:
            passages += _passages_of(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{entry.where}, does not describe a clip: {error!r}.") from error
    if not passages:
        raise ManifestError(f"{manifest} lists no clips.")
    return passages


def _passages_of(entry: ManifestEntry) -> list[Passage]:
    path = entry.audio
    waveform = np.concatenate(list(FileSource(path).frames()))
    voiced = _voiced(waveform)
    end = len(waveform) / SAMPLE_RATE
    parts = entry.record.get("utterances")
    if not parts:
        return [_passage(path.stem, entry.record, waveform, voiced, (0.0, end, end))]
    boundaries = [*(part["start"] for part in parts[1:]), end]
    utterances = [
        _passage(
            f"{path.stem}/{number}", {**entry.record, **part}, waveform, voiced, (part["start"], part["end"], boundary)
        )
        for number, (part, boundary) in enumerate(zip(parts, boundaries, strict=True), 1)
    ]
    return [_joined(path.stem, entry.record, utterances), *utterances]


def _passage(
    name: str,
    entry: Mapping[str, Any],
    waveform: Waveform,
    voiced: NDArray[np.bool_],
    span: tuple[float, float, float],
) -> Passage:
    """What is said between the first two times of `span`; what follows begins at the third."""
    begin, stop, end = span
    slots = np.arange(round(begin / _SLOT_S), min(round(stop / _SLOT_S), len(voiced)))
    speech = np.minimum((slots[voiced[slots]] + 1) * _SLOT_S, end)
    if not len(speech):
        raise ValueError(f"nobody speaks in {name}")
    words = tuple(str(entry["text"]).split())
    return Passage(
        name=name,
        language=entry["language"],
        waveform=waveform,
        earliest=begin,
        latest=max(begin, float(speech[0]) - 2 * _SLOT_S),
        speech_end=float(speech[-1]),
        end=max(stop, end),
        words=words,
        known=_known(words, speech),
        translation=_translation(entry),
    )


def _joined(name: str, entry: Mapping[str, Any], utterances: Sequence[Passage]) -> Passage:
    """The clip as a whole, whose words are known when those of its utterances are."""
    first, last = utterances[0], utterances[-1]
    words = tuple(word for utterance in utterances for word in utterance.words)
    if words != tuple(str(entry["text"]).split()):
        raise ValueError("the utterances do not add up to the text")
    known = tuple(known for utterance in utterances for known in utterance.known)
    return replace(
        last,
        name=name,
        earliest=0.0,
        latest=first.latest,
        words=words,
        known=known,
        translation=_translation(entry),
    )


def _translation(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get("translation_en") or entry["text"]).split())


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
