"""What is heard in fine-tuning: the user's clips, some of them held out, and others that the model is to keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from speech3n.training.data.features import FeatureStore, FeatureWriter, StoredClip
from speech3n.training.data.sentences import fingerprint
from speech3n.training.evaluation import choose
from speech3n.training.finetune.manifest import read_manifest, sounds
from speech3n.training.memorise.passages import ManifestError

_FEWEST_HELD_OUT = 5
_FEWEST_TO_LEARN = 5
_KEPT_BACK = 6
"""Clips of each language to keep with which forgetting is measured, at most."""
_SHARD = "clips"


class _Spoken(Protocol):
    @property
    def text(self) -> str: ...


_Clip = TypeVar("_Clip", bound=_Spoken)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where clips are from. `valid` is None where a `valid_share` of `clips` is to be held out, drawn by `seed`.

    Each of `keep` is a manifest too, or a folder of features made by `speech3n.training.data`; their clips make up
    `keep_share` of what is heard.
    """

    clips: Path
    valid: Path | None = None
    valid_share: float = 0.1
    keep: tuple[Path, ...] = ()
    keep_share: float = 0.5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """Features of all clips. `store.clips` is what a pass goes over, with shorter parts repeated to their share."""

    store: FeatureStore
    learned: list[StoredClip]
    held_out: list[StoredClip]
    """The user's, not learned from."""
    kept_back: list[StoredClip]
    """Others, not learned from; none without clips to keep."""

    @property
    def learned_s(self) -> float:
        """How much of the user's speech is learned from."""
        return sum(clip.duration_s for clip in self.learned)


def gather(sources: Sources, folder: Path) -> Material:
    """Compute the features of manifests, once, into `folder`, and hold clips out.

    Clips with the same words are held out together, so that none is asked for that was learned by heart. Raises
    ManifestError for clips that can't be read or are too few, StorageError for features that can't.
    """
    folders = [_features_of(sources.clips, folder)]
    learned = FeatureStore(folders).clips
    if sources.valid is None:
        learned, held_out = split(learned, sources.valid_share, sources.seed)
    else:
        folders.append(_features_of(sources.valid, folder))
        held_out = FeatureStore(folders[1:]).clips
        learned = _without(learned, held_out)
    if len(learned) < _FEWEST_TO_LEARN or not held_out:
        raise ManifestError(
            f"'{sources.clips}' has {len(learned)} clips to learn from and {len(held_out)} to measure with.",
            f"Record more: {_FEWEST_TO_LEARN + _FEWEST_HELD_OUT} sentences are the least, fifty are a beginning.",
        )
    keep = [_features_of(path, folder) for path in sources.keep]
    others = FeatureStore(keep)
    kept_back = _kept_back(others)
    store = FeatureStore(dict.fromkeys([*folders, *keep]))
    store.clips = woven(learned, _without(others.clips, [*held_out, *kept_back]), sources.keep_share)
    return Material(store, learned, held_out, kept_back)


def split(clips: Sequence[_Clip], share: float, seed: int) -> tuple[list[_Clip], list[_Clip]]:
    """Clips to learn from, and about a `share` of them, at least five, to hold out: the same for the same seed.

    Which texts are held out hangs on the texts alone, so that more clips change little.
    """
    order = sorted({fingerprint(clip.text) for clip in clips}, key=lambda text: _drawn(text, seed))
    wanted = max(_FEWEST_HELD_OUT, round(share * len(clips)))
    chosen: set[str] = set()
    for text in order:
        if sum(fingerprint(clip.text) in chosen for clip in clips) >= wanted:
            break
        chosen.add(text)
    parts: tuple[list[_Clip], list[_Clip]] = ([], [])
    for clip in clips:
        parts[fingerprint(clip.text) in chosen].append(clip)
    return parts


def woven(learned: Sequence[StoredClip], kept: Sequence[StoredClip], keep_share: float) -> list[StoredClip]:
    """Both, the one of which there is too little repeated, so that `keep_share` of the sound is of `kept`."""
    if not kept or keep_share == 0:
        return list(learned)
    learned_s, kept_s = (sum(clip.duration_s for clip in clips) for clips in (learned, kept))
    ratio = (kept_s / learned_s) * (1 - keep_share) / keep_share
    return [*learned] * max(1, round(ratio)) + [*kept] * max(1, round(1 / ratio))


def _features_of(path: Path, folder: Path) -> Path:
    """The folder of features of a manifest, made below `folder` where it is not there yet; others as they are."""
    if path.is_dir():
        return path
    clips = read_manifest(path)
    # A manifest that was changed makes another folder; sound that was changed under its name is not noticed.
    listed = json.dumps([{**asdict(clip), "audio": str(clip.audio.resolve())} for clip in clips])
    features = folder / hashlib.sha256(listed.encode()).hexdigest()[:16]
    writer = FeatureWriter(features)
    if not writer.has(_SHARD):
        writer.add(_SHARD, sounds(clips))
    return features


def _kept_back(store: FeatureStore) -> list[StoredClip]:
    """Some clips of each language, and no more than a fifth where there are few."""
    languages = len({clip.language for clip in store.clips})
    return choose(store, min(_KEPT_BACK, max(1, len(store.clips) // (5 * max(1, languages)))))


def _without(clips: Sequence[StoredClip], others: Sequence[StoredClip]) -> list[StoredClip]:
    """Those in which nothing is said that is said in others."""
    texts = {fingerprint(clip.text) for clip in others}
    return [clip for clip in clips if fingerprint(clip.text) not in texts]


def _drawn(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
