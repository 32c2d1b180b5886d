"""What fine-tuning trains on: bad clips are named, some are held out, shares are kept, features made once."""

from pathlib import Path

import pytest

from speech3n.eval.sets.audio_files import write_wav
from speech3n.training.data.features import FeatureStore, StoredClip
from speech3n.training.data.manifest import ManifestError
from speech3n.training.finetune.clips import load_waveforms, read_clips
from speech3n.training.finetune.dataset import Sources, build_dataset, mixed, split
from tests.training.nano_doubles import sound, write_manifest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1"),
        ('{"audio": "0.wav", "language": "en"}', "text"),
        ('{"audio": "0.wav", "language": "en", "text": 3}', 'line 1.*"text" is 3, not a text'),
        ('{"audio": "0.wav", "language": "Klingonish", "text": "a"}', "Unknown language 'Klingonish'"),
        ('{"audio": "0.wav", "language": "auto", "text": "a"}', "not named"),
        ('{"audio": "0.wav", "language": "en", "text": " ? "}', "no words"),
        ('{"audio": "9.wav", "language": "en", "text": "a"}', "no audio file '.*9.wav'"),
        ("", "lists no clips"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_wav(tmp_path / "0.wav", sound(1, 0))
    path = tmp_path / "clips.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ManifestError, match=message) as error:
        read_clips(path, None)
    assert error.value.hint


def test_sound_that_cannot_be_learned_from_is_named(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, 2)
    (tmp_path / "1.wav").write_bytes(b"no sound")
    with pytest.raises(ManifestError, match=r"clips.jsonl, line 2: .*1.wav"):
        list(load_waveforms(read_clips(path, None)))
    write_wav(tmp_path / "1.wav", sound(41, 0))
    with pytest.raises(ManifestError, match=r"line 2: .* 41.0 s"):
        list(load_waveforms(read_clips(path, None)))


def stored(*texts: str) -> list[StoredClip]:
    return [StoredClip("f", 100 * place, 100, "en", text, None, "", "") for place, text in enumerate(texts)]


def test_the_same_words_are_held_out_together_and_by_the_seed() -> None:
    clips = stored(*(f"text {number // 2}" for number in range(100)))
    learned, held_out = split(clips, 0.2, 7)
    assert len(held_out) == 20
    assert not {clip.text for clip in learned} & {clip.text for clip in held_out}
    assert split(clips, 0.2, 7) == (learned, held_out)
    assert split(clips, 0.2, 8)[1] != held_out
    more = split([*clips, *stored("another")], 0.2, 7)[1]
    assert len({clip.text for clip in more} & {clip.text for clip in held_out}) >= 9


@pytest.mark.parametrize(("learned", "kept", "share"), [(3, 300, 0.5), (300, 3, 0.25), (10, 40, 0.5)])
def test_shares_are_kept_however_much_there_is(learned: int, kept: int, share: float) -> None:
    ours, others = stored(*["a"] * learned), stored(*["b"] * kept)
    woven = mixed(ours, others, share)
    assert sum(clip.text == "b" for clip in woven) / len(woven) == pytest.approx(share, abs=0.06)


def test_a_few_clips_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="4 clips to learn from"):
        build_dataset(Sources(write_manifest(tmp_path, 9)), None, tmp_path / "work")


def test_features_are_made_once_and_anew_where_the_manifest_changed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 10)
    first = build_dataset(Sources(manifest), None, tmp_path / "work").store
    (tmp_path / "3.wav").write_bytes(b"")
    assert build_dataset(Sources(manifest), None, tmp_path / "work").store.digest == first.digest
    write_manifest(tmp_path, 10, text="Other words.")
    changed = build_dataset(Sources(manifest), None, tmp_path / "work").store
    assert changed.digest != first.digest
    assert len(FeatureStore([tmp_path / "work" / changed.clips[0].file.split("/")[-2]]).clips) == 10
