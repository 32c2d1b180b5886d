"""Clips joined into one recording, with their times kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech3n.eval.sets.audio_files import read_audio
from speech3n.eval.sets.clip import Clip
from speech3n.types import SAMPLE_RATE, Waveform

_SOUND_FRAME_S = 0.01
_SOUND_BELOW_PEAK_DB = 40.0
"""Frames quieter than this below the loudest frame of a clip count as the silence after its speech."""


@dataclass(frozen=True, slots=True)
class JoinedClip:
    """Where a clip lies in a joined recording, in seconds.

    `sound_end` is the end of the last 10 ms that are louder than 40 dB below the loudest 10 ms of the
    clip: a word end that no recogniser had a hand in.
    """

    clip: Clip
    start: float
    end: float
    sound_end: float


@dataclass(frozen=True, slots=True)
class JoinedRecording:
    """Clips one after the other in one waveform, shape [T], with silence between and after them."""

    pcm: Waveform
    clips: tuple[JoinedClip, ...]

    @property
    def duration_s(self) -> float:
        """Length with all gaps."""
        return len(self.pcm) / SAMPLE_RATE


def join_clips(clips: Sequence[Clip], gap_s: float) -> JoinedRecording:
    """Join clips into one recording, each followed by `gap_s` of digital silence.

    Raises AudioError where a clip can't be read.
    """
    gap = np.zeros(round(gap_s * SAMPLE_RATE), dtype=np.float32)
    pieces: list[Waveform] = []
    joined: list[JoinedClip] = []
    position = 0
    for clip in clips:
        pcm = read_audio(clip.audio)
        start = position / SAMPLE_RATE
        end = (position + len(pcm)) / SAMPLE_RATE
        joined.append(JoinedClip(clip, start, end, start + _sound_end(pcm)))
        pieces += [pcm, gap]
        position += len(pcm) + len(gap)
    pcm = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)
    return JoinedRecording(pcm, tuple(joined))


def _sound_end(pcm: Waveform) -> float:
    """Seconds to the end of the last frame that is not silence; the whole length where all is silent."""
    frame = round(_SOUND_FRAME_S * SAMPLE_RATE)
    whole = len(pcm) // frame * frame
    power = np.square(pcm[:whole].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    peak = power.max(initial=0.0)
    if peak <= 0.0:
        return len(pcm) / SAMPLE_RATE
    loud = np.flatnonzero(power > peak * 10 ** (-_SOUND_BELOW_PEAK_DB / 10))
    return float(loud[-1] + 1) * _SOUND_FRAME_S
