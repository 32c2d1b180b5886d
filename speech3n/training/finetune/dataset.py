"""What fine-tuning trains on: the user's clips, some of them held out, and others that the model must not forget."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from speech3n.training.data.features import FeatureStore, FeatureWriter, StoredClip
from speech3n.training.data.manifest import ManifestError
from speech3n.training.data.sentences import fingerprint
from speech3n.training.evaluation import choose
from speech3n.training.finetune.clips import ListedClip, load_waveforms, read_clips, require_language

_FEWEST_HELD_OUT = 5
_FEWEST_TO_LEARN = 5
_MOST_OTHERS = 6
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
    `keep_share` of the audio.
    """

    clips: Path
    valid: Path | None = None
    valid_share: float = 0.1
    keep: tuple[Path, ...] = ()
    keep_share: float = 0.5
    seed: int = 0

    @property
    def manifests(self) -> list[Path]:
        """All of them that are no folders of features."""
        return [path for path in (self.clips, self.valid, *self.keep) if path is not None and not path.is_dir()]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Features of all clips. `store.clips` is what a pass goes over, with shorter parts repeated to their share."""

    store: FeatureStore
    learned: list[StoredClip]
    """The user's, to learn from."""
    held_out: list[StoredClip]
    """The user's, not learned from."""
    others_held_out: list[StoredClip]
    """Of those to keep, not learned from; none without clips to keep."""

    @property
    def learned_s(self) -> float:
        """How much of the user's speech is learned from."""
        return sum(clip.duration_s for clip in self.learned)


def build_dataset(sources: Sources, languages: Collection[str] | None, folder: Path) -> Dataset:
    """Compute the features of manifests, once, into `folder`, and hold clips out.

    `languages` are those that the model knows, None for any: all clips are held to them before anything is computed.
    Clips with the same words are held out together, so that none is asked for that was learned by heart. Raises
    ManifestError for clips that can't be read or are too few, StorageError for features that can't.
    """
    listed = {path: read_clips(path, languages) for path in sources.manifests}
    for path in sources.keep:
        if path not in listed:
            for clip in FeatureStore([path]).clips:
                require_language(f"'{path}'", clip.language, languages)
    made = {path: _features_of(clips, folder) for path, clips in listed.items()}
    folders = [made[sources.clips]]
    learned = FeatureStore(folders).clips
    if sources.valid is None:
        learned, held_out = split(learned, sources.valid_share, sources.seed)
    else:
        folders.append(made[sources.valid])
        held_out = FeatureStore(folders[1:]).clips
        learned = _without(learned, held_out)
    if len(learned) < _FEWEST_TO_LEARN or not held_out:
        raise ManifestError(
            f"'{sources.clips}' has {len(learned)} clips to learn from and {len(held_out)} to measure with.",
            f"Record more: {_FEWEST_TO_LEARN + _FEWEST_HELD_OUT} sentences are the least, fifty are a beginning.",
        )
    keep = [made.get(path, path) for path in sources.keep]
    others = FeatureStore(keep)
    others_held_out = _others_to_hold_out(others)
    store = FeatureStore(dict.fromkeys([*folders, *keep]))
    store.clips = mixed(learned, _without(others.clips, [*held_out, *others_held_out]), sources.keep_share)
    return Dataset(store, learned, held_out, others_held_out)


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


def mixed(learned: Sequence[StoredClip], kept: Sequence[StoredClip], keep_share: float) -> list[StoredClip]:
    """Both, the one of which there is too little repeated, so that `keep_share` of the audio is of `kept`."""
    if not kept or keep_share == 0:
        return list(learned)
    learned_s, kept_s = (sum(clip.duration_s for clip in clips) for clips in (learned, kept))
    ratio = (kept_s / learned_s) * (1 - keep_share) / keep_share
    return [*learned] * max(1, round(ratio)) + [*kept] * max(1, round(1 / ratio))


def _features_of(clips: Sequence[ListedClip], folder: Path) -> Path:
    """The folder of features of a manifest's clips, made below `folder` where it is not there yet."""
    # A manifest that was changed makes another folder; audio that was changed under its name is not noticed.
    listed = json.dumps([{**asdict(clip), "audio": str(clip.audio.resolve())} for clip in clips])
    features = folder / hashlib.sha256(listed.encode()).hexdigest()[:16]
    writer = FeatureWriter(features)
    if not writer.has(_SHARD):
        writer.add(_SHARD, load_waveforms(clips))
    return features


def _others_to_hold_out(store: FeatureStore) -> list[StoredClip]:
    """Some clips of each language, and no more than a fifth where there are few."""
    languages = len({clip.language for clip in store.clips})
    return choose(store, min(_MOST_OTHERS, max(1, len(store.clips) // (5 * max(1, languages)))))


def _without(clips: Sequence[StoredClip], others: Sequence[StoredClip]) -> list[StoredClip]:
    """Those in which nothing is said that is said in others."""
    texts = {fingerprint(clip.text) for clip in others}
    return [clip for clip in clips if fingerprint(clip.text) not in texts]


def _drawn(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
