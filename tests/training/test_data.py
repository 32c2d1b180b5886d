"""Shards to clips, clips to features on disk, features to batches in an order that can be found again."""

import json
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from speech3n.audio.frontend import LogMel
from speech3n.errors import StorageError
from speech3n.training.data.__main__ import add_shard
from speech3n.training.data.augment.waveform import WaveformAugmentation, augment_waveform
from speech3n.training.data.features import FLOOR, FeatureStore, FeatureWriter, pack, unpack
from speech3n.training.data.manifest import ManifestError
from speech3n.training.data.sampler import LengthSampler, Position
from speech3n.training.data.sentences import fingerprint
from speech3n.training.data.shards import ShardWriter, cut_clips, find_shards
from tests.training.nano_doubles import TEXTS, feature_store, sound

LENGTHS = np.random.default_rng(3).integers(100, 900, 400).tolist()


def make_shard(folder: Path, name: str = "es_0001") -> Path:
    shard = ShardWriter()
    for number, (language, text) in enumerate(TEXTS.items()):
        shard.add(
            sound(1.0 + number / 5, number), text, None, language=language, voice="nobody", speed=1.0, source="test"
        )
    path = folder / f"{name}.jsonl"
    shard.write(path)
    return path


def test_clips_are_cut_where_they_were_put(tmp_path: Path) -> None:
    path = make_shard(tmp_path)
    cut = list(cut_clips(path))
    assert [line.text for line, _ in cut] == list(TEXTS.values())
    for number, (_, waveform) in enumerate(cut):
        original = sound(1.0 + number / 5, number)
        assert len(waveform) == len(original)
        # Opus is no exact copy; a shift by a few samples would show.
        assert np.corrcoef(waveform, original)[0, 1] > 0.9


def test_a_shard_without_sound_or_with_a_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no shards"):
        find_shards(tmp_path)
    path = make_shard(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    entry = json.loads(lines[1])
    for wrong in ({**entry, "end_s": 99.0}, {**entry, "text": " "}, {"text": "x"}):
        path.write_text("\n".join([lines[0], json.dumps(wrong)]), "utf-8")
        with pytest.raises(ManifestError, match="es_0001"):
            list(cut_clips(path))


def test_features_on_disk_are_those_of_the_front_end(tmp_path: Path) -> None:
    store = feature_store(tmp_path)
    expected, _ = LogMel()(torch.from_numpy(sound(1.3, 3))[None])
    stored = store.mel(store.clips[3])
    assert stored.shape == expected.shape[1:]
    assert np.abs(stored - expected[0].numpy()).max() <= 0.036
    assert (unpack(pack(np.full((2, 128), FLOOR, np.float32))) == np.float32(FLOOR)).all()
    assert store.hours == pytest.approx(sum(1 + number / 10 for number in range(10)) / 3600, rel=0.02)


def test_damage_is_found(tmp_path: Path) -> None:
    feature_store(tmp_path)
    path = tmp_path / "clips.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match="damaged"):
        FeatureStore([tmp_path], verify=True)
    (tmp_path / "clips.jsonl").write_text("", "utf-8")
    with pytest.raises(StorageError, match="damaged"):
        FeatureStore([tmp_path])


def test_shards_are_added_once_without_what_is_reserved(tmp_path: Path) -> None:
    path = make_shard(tmp_path / "shards")
    writer = FeatureWriter(tmp_path / "features")
    reserved = frozenset({fingerprint(TEXTS["fr"].upper())})
    for _ in range(2):
        add_shard(writer, path, reserved, 0)
        add_shard(writer, path, reserved, 1)
    store = FeatureStore([tmp_path / "features"])
    assert Counter(clip.language for clip in store.clips) == {language: 2 for language in TEXTS if language != "fr"}
    first, other = (clip for clip in store.clips if clip.language == "it")
    assert not np.array_equal(store.mel(first)[:90], store.mel(other)[:90])


def test_an_augmented_clip_is_the_same_again_and_within_full_scale() -> None:
    sounds = [sound(1.0, seed) for seed in range(4)]
    for seed in range(30):
        one, other = (
            augment_waveform(sounds[0], sounds, WaveformAugmentation(), np.random.default_rng(seed)) for _ in range(2)
        )
        assert np.array_equal(one, other)
        assert np.isfinite(one).all()
        assert np.abs(one).max() <= 1
        assert abs(len(one) / len(sounds[0]) - 1) < 0.16


def test_each_pass_has_every_clip_once_in_batches_of_like_lengths() -> None:
    sampler = LengthSampler(LENGTHS, 6000, seed=1)
    one, other = sampler.epoch(0), sampler.epoch(1)
    every = list(range(len(LENGTHS)))
    assert sorted(chain(*one)) == sorted(chain(*other)) == every
    assert one != other
    padded = sum(len(batch) * max(LENGTHS[clip] for clip in batch) for batch in one)
    assert all(len(batch) * max(LENGTHS[clip] for clip in batch) <= 6000 for batch in one)
    assert padded < 1.1 * sum(LENGTHS)


def test_the_order_is_found_again_anywhere() -> None:
    position, batches = Position(0, 0), []
    places = []
    sampler = LengthSampler(LENGTHS, 6000, seed=2)
    for _ in range(100):
        places.append(position)
        batch, position = sampler.at(position)
        batches.append(batch)
    assert position.epoch >= 2
    for place in (3, 40, 99):
        assert LengthSampler(LENGTHS, 6000, seed=2).at(places[place])[0] == batches[place]
    assert LengthSampler(LENGTHS, 6000, seed=3).at(places[0])[0] != batches[0]
