"""Clips under a condition, as files of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speech3n.errors import StorageError
from speech3n.eval.conditions.condition import Clean, Condition, Noise
from speech3n.eval.conditions.noise import BABBLE_VOICES
from speech3n.eval.sets.audio_files import read_audio, write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.digests import key_of
from speech3n.eval.sets.recordings import Recording
from speech3n.types import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip under a condition as a file of its own; what was at `t` seconds is at `t + shift_s` in it."""

    clip: Clip
    shift_s: float


def render_clip(clip: Clip, condition: Condition, clips: Sequence[Clip], folder: Path) -> RenderedClip:
    """Write a clip under a condition into a folder, as a 16-bit WAV file.

    `clips` is the set that babble is drawn from: other clips of the same language, or of any where these are too
    few. A clean clip is not copied. The file is named after what is in it, so that no two clips share one. Raises
    AudioError, StorageError, and UsageError for babble of a single clip.
    """
    if isinstance(condition, Clean):
        return RenderedClip(clip, 0.0)
    altered = condition.apply(read_audio(clip.audio), _others(clip, clips))
    digest = hashlib.sha256(altered.pcm.tobytes()).hexdigest()[:12]
    path = folder / f"{clip.audio.stem}-{condition.name.replace(':', '-')}-{digest}.wav"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot write to {folder}: {error.strerror}.", "Choose another folder.") from error
    write_wav(path, altered.pcm)
    return RenderedClip(replace(clip, audio=path, duration_s=len(altered.pcm) / SAMPLE_RATE), altered.shift_s)


def _others(clip: Clip, clips: Sequence[Clip]) -> list[Clip]:
    others = [other for other in clips if other.audio != clip.audio]
    alike = [other for other in others if other.language == clip.language]
    return alike if len(alike) >= BABBLE_VOICES else others


def under_condition(recording: Recording, condition: Condition, clips: Sequence[Clip], folder: Path) -> Recording:
    """A recording under a condition, written to `folder`; the clean one, and one without speech, are left as they are.

    `clips` is the set that babble is drawn from. Raises AudioError, StorageError, UsageError.
    """
    if isinstance(condition, Clean) or not recording.clips:
        return recording
    whole = replace(recording.clips[0].clip, audio=recording.audio, duration_s=recording.duration_s)
    rendered = render_clip(whole, condition, clips, folder)
    moved = tuple(
        replace(
            joined,
            start=joined.start + rendered.shift_s,
            end=joined.end + rendered.shift_s,
            sound_end=joined.sound_end + rendered.shift_s,
        )
        for joined in recording.clips
    )
    return replace(recording, audio=rendered.clip.audio, duration_s=rendered.clip.duration_s, clips=moved)


def condition_key(condition: Condition, clips: Sequence[Clip]) -> str:
    """What a condition does to a recording: its name and, for babble, whose voices it is made of."""
    if isinstance(condition, Noise) and condition.kind == "babble":
        return f"{condition.name}, {key_of([str(clip.audio) for clip in clips])}"
    return condition.name
