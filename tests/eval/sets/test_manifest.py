import json
import math
from pathlib import Path

import numpy as np
import pytest

from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip, languages
from speech3n.eval.sets.manifest import load_manifest
from speech3n.training.data.manifest import ManifestError
from speech3n.types import SAMPLE_RATE


def tone(seconds: float, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "a.wav", tone(0.5))
    return tmp_path


def manifest(folder: Path, *lines: object) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def entry(**changes: object) -> dict[str, object]:
    return {"audio": "a.wav", "language": "es", "text": "hola", "duration_s": 0.5} | changes


def test_a_line_becomes_a_clip_with_its_audio_beside_the_manifest(folder: Path) -> None:
    path = manifest(folder, entry(translation_en="hello", speaker="Ana", license="MIT"), "")
    assert load_manifest(path) == [
        Clip(folder / "a.wav", "es", "hola", 0.5, translation_en="hello", speaker="Ana", license="MIT")
    ]


def test_null_translation_is_none(folder: Path) -> None:
    assert load_manifest(manifest(folder, entry(translation_en=None)))[0].translation_en is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "line 2: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        (entry(audio="missing.wav"), "line 2: no audio file"),
        (entry(text=None), 'line 2: "text" is missing'),
        (entry(language=7), 'line 2: "language" is 7'),
        (entry(duration_s=0), 'line 2: "duration_s" is 0'),
        ('{"audio": ' + "[" * 100_000, "line 2: not JSON: it is nested too deep"),
        ('{"audio": "a.wav", "text": "\\ud800", "language": "es"}', "line 2: not JSON"),
        (entry(audio="a" * 1_000), "line 2: no audio file"),
        (entry(duration_s=-1), 'line 2: "duration_s" is -1'),
        (entry(duration_s=10**400), 'line 2: "duration_s" is 1000'),
        (entry(duration_s=math.inf), 'line 2: "duration_s" is Infinity'),
        (entry(duration_s=math.nan), 'line 2: "duration_s" is NaN'),
        (entry(text=["a" * 100_000]), 'line 2: "text" is ["aaa'),
        (entry(duration_s="1"), 'line 2: "duration_s" is "1"'),
        (entry(translation_en=3), 'line 2: "translation_en" is 3'),
    ],
)
def test_errors_name_file_and_line(folder: Path, line: object, message: str) -> None:
    path = manifest(folder, entry(), line)
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert f"{path}, {message}" in caught.value.message
    assert caught.value.hint


def test_missing_and_empty_manifests_are_errors(folder: Path) -> None:
    with pytest.raises(ManifestError, match=r"Cannot read .*none\.jsonl"):
        load_manifest(folder / "none.jsonl")
    with pytest.raises(ManifestError, match="holds no clips"):
        load_manifest(manifest(folder))


def test_limit_counts_within_each_language(folder: Path) -> None:
    path = manifest(folder, entry(), entry(), entry(language="en"), entry(language="en"))
    assert [clip.language for clip in load_manifest(path, limit=1)] == ["es", "en"]
    assert len(load_manifest(path, language="en")) == 2


def test_english_comes_first(folder: Path) -> None:
    clips = load_manifest(manifest(folder, *(entry(language=code) for code in ("pt", "en", "es", "en"))))
    assert languages(clips) == ["en", "es", "pt"]
