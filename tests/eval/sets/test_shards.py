import json
import wave
from pathlib import Path

import pytest

from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine

LINES = (
    {"start_s": 0.0, "end_s": 0.5, "text": "uno", "translation_en": "one", "voice": "a", "source": "tatoeba"},
    {"start_s": 0.7, "end_s": 1.5, "text": "dos", "translation_en": None, "voice": "b", "source": "tatoeba"},
)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two splits of a language and a half, as `speech3n.training.nano.synthesise` leaves them."""
    monkeypatch.setenv("SPEECH3N_EVAL_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "speech"
    for name in ("train/es/es_0000", "valid/es/es_0000", "valid/es/es_1000", "valid/en/en_0000"):
        language = name.split("/")[1]
        write_lines(
            root / f"{name}.jsonl", *(json.dumps({**line, "language": language, "voice": name}) for line in LINES)
        )
        write_sine(root / f"{name}.opus", 2.0).rename(root / f"{name}.ogg")
    return root


def length_s(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def test_clips_are_cut_out_of_the_validation_split(corpus: Path) -> None:
    clips = load_clips(corpus)
    assert [(clip.language, clip.speaker, clip.text) for clip in clips] == [
        (name.split("/")[1], name, text)
        for name in ("valid/en/en_0000", "valid/es/es_0000", "valid/es/es_1000")
        for text in ("uno", "dos")
    ]
    assert [clip.translation_en for clip in clips[:2]] == ["one", None]
    assert [clip.duration_s for clip in clips[:2]] == pytest.approx([0.5, 0.8])
    assert [length_s(clip.audio) for clip in clips] == pytest.approx([clip.duration_s for clip in clips])
    assert clips == load_clips(corpus / "valid")


@pytest.mark.parametrize("below", ["valid/es", "valid/es/es_0000.jsonl"])
def test_a_language_or_a_shard_is_a_set(corpus: Path, below: str) -> None:
    assert {clip.language for clip in load_clips(corpus / below, limit=1)} == {"es"}


def test_what_was_cut_is_not_cut_again_and_other_sound_is(corpus: Path) -> None:
    shard = corpus / "valid" / "es" / "es_1000.jsonl"
    before = load_clips(shard)
    before[0].audio.write_bytes(before[1].audio.read_bytes())
    assert length_s(load_clips(shard)[0].audio) == pytest.approx(0.8)
    write_sine(corpus / "new.opus", 1.6).rename(shard.with_suffix(".ogg"))
    assert length_s(load_clips(shard)[0].audio) == pytest.approx(0.5)


def test_a_line_that_is_no_clip_is_named(corpus: Path) -> None:
    shard = corpus / "valid" / "es" / "es_0000.jsonl"
    write_lines(shard, json.dumps({**LINES[0], "language": "es"}), json.dumps({"text": "dos"}))
    with pytest.raises(ManifestError, match=r"es_0000\.jsonl, line 2,"):
        load_clips(corpus)
    write_lines(shard, json.dumps({**LINES[0], "language": "es", "end_s": 9.0}))
    with pytest.raises(ManifestError, match=r"ends at 9\.0 s, after the sound"):
        load_clips(shard)
