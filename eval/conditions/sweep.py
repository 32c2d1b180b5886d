"""The same clips recognised under one condition after the other."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eval.conditions.condition import Altered, Clean, Condition
from eval.conditions.noise import BABBLE_VOICES
from eval.datasets import Clip, read_audio, write_wav
from eval.scoring import ClipResult, Mode, recognise
from speech3n.errors import Speech3nError, StorageError
from speech3n.types import SAMPLE_RATE

if TYPE_CHECKING:
    from speech3n.engines.base import Engine


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip under a condition as a file of its own; the fields but `clip` are those of `Altered`.

    Times in `clip` are those of the original, moved by `shift_s`.
    """

    clip: Clip
    original: Clip
    shift_s: float
    gain_db: float
    clipped: float


@dataclass(frozen=True, slots=True)
class ConditionResults:
    """What was recognised under a condition; `rendered` has what was heard, clip by clip."""

    condition: Condition
    results: tuple[ClipResult, ...]
    rendered: tuple[RenderedClip, ...]


def render_clip(clip: Clip, condition: Condition, clips: Sequence[Clip], folder: Path) -> RenderedClip:
    """Write a clip under a condition into a folder, as a 16-bit WAV file that `recognise` takes.

    `clips` is the set that babble is drawn from: other clips of the same language, or of any where these are too
    few. A clean clip is not copied. The file is named after what is in it, so that no two clips share one. Raises
    AudioError, StorageError, and UsageError for babble of a single clip.
    """
    if isinstance(condition, Clean):
        return _rendered(clip, clip, condition.apply(read_audio(clip.audio)))
    altered = condition.apply(read_audio(clip.audio), _others(clip, clips))
    digest = hashlib.sha256(altered.pcm.tobytes()).hexdigest()[:12]
    path = folder / f"{clip.audio.stem}-{condition.name.replace(':', '-')}-{digest}.wav"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot write to {folder}: {error.strerror}.", "Choose another folder.") from error
    write_wav(path, altered.pcm)
    return _rendered(replace(clip, audio=path, duration_s=len(altered.pcm) / SAMPLE_RATE), clip, altered)


def sweep(
    engine: Engine,
    clips: Sequence[Clip],
    conditions: Iterable[Condition],
    mode: Mode,
    folder: Path | None = None,
) -> Iterator[ConditionResults]:
    """Recognise all clips under each condition, and yield condition by condition what came out.

    With `folder` the clips under conditions stay there, and `results` point to them; otherwise they point to the
    clean clips. What was recognised before an error is yielded before the error is raised: AudioError, EngineError,
    StorageError, UsageError.
    """
    with tempfile.TemporaryDirectory(prefix="speech3n-") as scratch:
        for condition in conditions:
            results: list[ClipResult] = []
            rendered: list[RenderedClip] = []
            failure: Speech3nError | None = None
            for clip in clips:
                try:
                    heard = render_clip(clip, condition, clips, folder or Path(scratch))
                    result = recognise(engine, heard.clip, mode)
                except Speech3nError as error:
                    failure = error
                    break
                if folder is None:
                    _remove(heard)
                    heard, result = replace(heard, clip=clip), replace(result, clip=clip)
                results.append(result)
                rendered.append(heard)
            if results or failure is None:
                yield ConditionResults(condition, tuple(results), tuple(rendered))
            if failure is not None:
                raise failure


def _others(clip: Clip, clips: Sequence[Clip]) -> list[Clip]:
    others = [other for other in clips if other.audio != clip.audio]
    alike = [other for other in others if other.language == clip.language]
    return alike if len(alike) >= BABBLE_VOICES else others


def _rendered(clip: Clip, original: Clip, altered: Altered) -> RenderedClip:
    return RenderedClip(clip, original, altered.shift_s, altered.gain_db, altered.clipped)


def _remove(heard: RenderedClip) -> None:
    """A set under twenty conditions would fill a small disk."""
    if heard.clip.audio != heard.original.audio:
        heard.clip.audio.unlink()
