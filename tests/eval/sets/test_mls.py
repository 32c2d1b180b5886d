from pathlib import Path

import pytest

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine


def write_mls(root: Path, suffix: str = ".flac") -> Path:
    """A test and a train split with two texts each, as the archives of openslr.org/94 unpack."""
    write_lines(
        root / "metainfo.txt",
        " SPEAKER   |   GENDER   | PARTITION  |  MINUTES   |  BOOK ID   |  TITLE  |  CHAPTER  ",
        "  10232    |     M      |   test     |   17.148   |   10057    | Don Quijote | I ",
    )
    for split in ("test", "train"):
        names = ["10232_10057_000000", "2218_2108_000003"]
        texts = [f"en un lugar de la mancha {split}", "de cuyo nombre no quiero acordarme"]
        lines = [f"{name}\t{text}" for name, text in zip(names, texts, strict=True)]
        write_lines(root / split / "transcripts.txt", *lines)
        for name in names:
            speaker, book, _ = name.split("_")
            write_sine(root / split / "audio" / speaker / book / f"{name}{suffix}")
    return root


def test_an_utterance_becomes_a_clip(tmp_path: Path) -> None:
    root = write_mls(tmp_path / "mls_spanish")
    first, second = load_clips(root)
    assert first == Clip(
        root / "test" / "audio" / "10232" / "10057" / "10232_10057_000000.flac",
        "es",
        "en un lugar de la mancha test",
        0.5,
        source="mls",
        speaker="10232",
        license="CC-BY-4.0",
        fields={"split": "test", "book": "10057", "gender": "M"},
    )
    assert second.speaker == "2218"
    assert second.fields == {"split": "test", "book": "2108"}


def test_opus_archives_have_the_language_in_their_name_too(tmp_path: Path) -> None:
    clips = load_clips(write_mls(tmp_path / "mls_portuguese_opus", ".opus"))
    assert [(clip.audio.suffix, clip.language) for clip in clips] == [(".opus", "pt")] * 2
    assert clips[0].duration_s == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("below", ["train", "train/transcripts.txt"])
def test_another_split_is_loaded_by_name(tmp_path: Path, below: str) -> None:
    clips = load_clips(write_mls(tmp_path / "mls_polish") / below)
    assert clips[0].text.endswith("train")
    assert clips[0].fields["split"] == "train"


def test_the_language_has_to_be_said_where_the_folder_does_not(tmp_path: Path) -> None:
    root = write_mls(tmp_path / "books")
    with pytest.raises(ManifestError, match=r"transcripts\.txt: the language is not known.* Name the language"):
        load_clips(root)
    assert {clip.language for clip in load_clips(root, language="it")} == {"it"}


def test_a_folder_of_languages_is_loaded_whole_and_selected_from(tmp_path: Path) -> None:
    for name in ("mls_spanish", "mls_polish"):
        write_mls(tmp_path / name)
    assert [clip.language for clip in load_clips(tmp_path, limit=1)] == ["pl", "es"]
    assert [clip.language for clip in load_clips(tmp_path, language="es")] == ["es", "es"]
    with pytest.raises(ManifestError, match=r"no clips in de\. There are: es, pl\."):
        load_clips(tmp_path, language="de")


@pytest.mark.parametrize("line", ["10232_10057_000001 con espacio", "10232_10057_000001\t", "10232\ttexto"])
def test_a_line_without_id_or_text_is_named(tmp_path: Path, line: str) -> None:
    root = write_mls(tmp_path / "mls_spanish")
    write_lines(root / "test" / "transcripts.txt", "10232_10057_000000\tuno", line)
    with pytest.raises(ManifestError, match=r"transcripts\.txt, line 2: not an id and a text"):
        load_clips(root)


def test_missing_audio_is_named_with_its_line(tmp_path: Path) -> None:
    root = write_mls(tmp_path / "mls_spanish")
    (root / "test" / "audio" / "2218" / "2108" / "2218_2108_000003.flac").unlink()
    with pytest.raises(
        ManifestError, match=r"line 2: no audio file .*2218_2108_000003\.flac\. .*audio/<speaker>/<book>/"
    ):
        load_clips(root)
