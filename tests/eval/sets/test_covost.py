from pathlib import Path

import pytest

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine, write_table


def row(name: str, sentence: str, translation: str) -> dict[str, str]:
    return {"path": name, "sentence": sentence, "translation": translation, "client_id": "voice"}


def write_covost(folder: Path, source: str = "es", target: str = "en", clips: str = "clips") -> Path:
    write_sine(folder / clips / "a.mp3")
    rows = [row("a.mp3", '"Hola"', '"Hello" \\\\'), row("a.mp3", "sin traducción", "")]
    return write_table(folder / f"covost_v2.{source}_{target}.test.tsv", *rows)


def test_a_row_becomes_a_clip_with_its_translation(tmp_path: Path) -> None:
    first, second = load_clips(write_covost(tmp_path))
    assert first == Clip(
        tmp_path / "clips" / "a.mp3",
        "es",
        '"Hola"',
        first.duration_s,
        translation_en='"Hello" \\',
        source="covost2",
        speaker="voice",
        license="CC0-1.0",
        fields={"split": "test"},
    )
    assert first.duration_s == pytest.approx(0.5, abs=0.1)
    assert second.translation_en is None


def test_only_translations_into_english_are_kept(tmp_path: Path) -> None:
    clips = load_clips(write_covost(tmp_path, "en", "zh-CN"))
    assert [(clip.language, clip.translation_en) for clip in clips] == [("en", None)] * 2
    assert load_clips(write_covost(tmp_path / "zh", "zh-CN", "en"))[0].language == "zh"


@pytest.mark.parametrize("clips", ["clips", "es/clips", "."])
def test_the_audio_is_that_of_common_voice(tmp_path: Path, clips: str) -> None:
    assert load_clips(write_covost(tmp_path, clips=clips))[0].audio == tmp_path / clips / "a.mp3"


def test_lengths_are_those_of_common_voice(tmp_path: Path) -> None:
    tsv = write_covost(tmp_path, clips="es/clips")
    write_lines(tmp_path / "es" / "clip_durations.tsv", "clip\tduration[ms]", "a.mp3\t2500")
    assert load_clips(tsv)[0].duration_s == 2.5


def test_a_folder_is_known_by_the_name_of_its_test_split(tmp_path: Path) -> None:
    write_covost(tmp_path)
    assert len(load_clips(tmp_path, limit=1)) == 1
    with pytest.raises(ManifestError, match=r"no clips in de\. There are: es\."):
        load_clips(tmp_path, language="de")


def test_beside_common_voice_the_file_has_to_be_named(tmp_path: Path) -> None:
    tsv = write_covost(tmp_path)
    write_lines(tmp_path / "test.tsv", "client_id\tpath\tsentence")
    with pytest.raises(ManifestError, match=r"more than one set: test\.tsv and covost_v2\.es_en\.test\.tsv\. Name"):
        load_clips(tmp_path)
    assert load_clips(tsv)


def test_a_file_by_another_name_does_not_tell_its_languages(tmp_path: Path) -> None:
    tsv = write_covost(tmp_path).rename(tmp_path / "spanish.tsv")
    with pytest.raises(ManifestError, match=r"spanish\.tsv: the name does not tell the languages\. Call it covost_v2"):
        load_clips(tsv)


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    tsv = write_covost(tmp_path)
    write_table(tsv, row("a.mp3", "hola", "hello"), row("gone.mp3", "adiós", "bye"))
    with pytest.raises(ManifestError, match=r"test\.tsv, line 3: no audio file .*clips/gone\.mp3\. .*es/clips/"):
        load_clips(tsv)
    write_lines(tsv, "path\tsentence\tclient_id", "a.mp3\thola\tx")
    with pytest.raises(ManifestError, match=r"test\.tsv, line 1: no column translation"):
        load_clips(tsv)
