"""Clips cut short, with the words that were said by then: captions have to be right while somebody still speaks."""

from __future__ import annotations

import numpy as np

from speech3n.training.data.features import Mel

_LAG_S = 0.15
"""A word is asked for when this much audio came after it."""
_SPEECH_WITHIN = 3.5
"""In natural logarithms (30 dB): frames no softer than this below the clip's loudest are speech."""
_SHORTEST_SPEECH_FRAMES = 50


def truncate_clip(mel: Mel, text: str, random: np.random.Generator) -> tuple[Mel, str]:
    """The beginning of a clip [T, bins] and of its text, if words take time in proportion to their letters."""
    first, last = speech_frames(mel)
    if last - first < _SHORTEST_SPEECH_FRAMES:
        return mel, text
    words = text.split()
    letters = np.cumsum([len(word) + 1 for word in words])
    ends = first + letters / letters[-1] * (last - first) + _LAG_S * 100
    cut = int(random.integers(first + 20, len(mel)))
    return mel[:cut], " ".join(words[: int((ends <= cut).sum())])


def speech_frames(mel: Mel) -> tuple[int, int]:
    """The first and the last frame of a clip without noise that are not much softer than its loudest."""
    level = np.log(np.exp(2 * mel).sum(1)) / 2
    speech = np.flatnonzero(level > level.max() - _SPEECH_WITHIN)
    return int(speech[0]), int(speech[-1])
