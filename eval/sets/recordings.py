"""The sound that systems are given: clips as they are, joined into long recordings, or under a condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech3n.errors import UsageError
from speech3n.eval.sets.audio_files import write_wav_once
from speech3n.eval.sets.clip import Clip, languages
from speech3n.eval.sets.digests import file_digest, key_of
from speech3n.eval.sets.joined import JoinedClip, join_clips
from speech3n.eval.sets.sounds import SOUNDS, GeneratedSource


@dataclass(frozen=True, slots=True)
class Recording:
    """One file for a system, by which names it may be asked for, and where in it the clips lie; times in seconds.

    `gap_s` is the silence after each clip, None for a clip that stands alone.
    """

    audio: Path
    language: str | None
    duration_s: float
    clips: tuple[JoinedClip, ...]
    names: tuple[str, ...]
    gap_s: float | None = None

    @property
    def translated(self) -> bool:
        """Whether every clip has an English reference."""
        return bool(self.clips) and all(joined.clip.translation_en is not None for joined in self.clips)


def single_recordings(clips: Sequence[Clip]) -> list[Recording]:
    """Each clip as a recording of its own."""
    return [_single(clip) for clip in clips]


def joined_recordings(clips: Sequence[Clip], gap_s: float, folder: Path) -> list[Recording]:
    """The clips of each language and kind (translated or not) as one recording, each followed by `gap_s` of silence.

    The files are written to `folder`, named after what is in them. Raises AudioError, StorageError.
    """
    recordings = []
    for language in languages(clips):
        for translated in (True, False):
            chosen = [
                clip for clip in clips if clip.language == language and (clip.translation_en is not None) is translated
            ]
            if chosen:
                recordings.append(_joined(chosen, gap_s, folder))
    return recordings


def sound_recordings(minutes: float, folder: Path) -> list[Recording]:
    """So many minutes of each of the `SOUNDS` without speech, in no language; raises StorageError, UsageError."""
    if not minutes > 0.0:
        raise UsageError(f"{minutes} minutes hold no sound.", "Give more than 0.")
    recordings = []
    for sound in SOUNDS:
        path = folder / f"{sound.replace(' ', '-')}-{minutes:g}-min.wav"
        write_wav_once(path, np.concatenate(list(GeneratedSource(sound, minutes * 60.0).frames())))
        recordings.append(Recording(path, None, minutes * 60.0, (), (sound,)))
    return recordings


def _single(clip: Clip) -> Recording:
    alone = JoinedClip(clip, 0.0, clip.duration_s, sound_end=clip.duration_s)
    return Recording(clip.audio, clip.language, clip.duration_s, (alone,), (str(clip.audio), clip.audio.name))


def _joined(clips: Sequence[Clip], gap_s: float, folder: Path) -> Recording:
    key = key_of([gap_s, [file_digest(clip.audio) for clip in clips]])
    path = folder / f"{clips[0].language}-{len(clips)}-clips-{key[:12]}.wav"
    joined = join_clips(clips, gap_s)
    write_wav_once(path, joined.pcm)
    return Recording(path, clips[0].language, joined.duration_s, joined.clips, (path.name,), gap_s)
