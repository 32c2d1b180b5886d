from pathlib import Path

import pytest

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import group_clips
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine, write_table

_COLUMNS = "client_id path sentence_id sentence up_votes age gender accents variant locale segment".split()


def row(name: str, sentence: str, **cells: str) -> dict[str, str]:
    return dict.fromkeys(_COLUMNS, "") | {"client_id": f"voice {name}", "path": name, "sentence": sentence} | cells


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The folder of a language, as in release 17."""
    folder = tmp_path / "cv-corpus-17.0" / "es"
    rows = [
        row("a.mp3", '"Sí", dijo', locale="es", gender="female_feminine", accents="México"),
        row("b.mp3", 'Abrió una " y calló', locale="es", up_votes="2"),
    ]
    write_table(folder / "test.tsv", *rows)
    write_table(folder / "train.tsv", row("b.mp3", "de entrenamiento", locale="es"))
    write_lines(folder / "clip_durations.tsv", "clip\tduration[ms]", "a.mp3\t4104", "other.mp3\tbroken")
    for name in ("a.mp3", "b.mp3"):
        write_sine(folder / "clips" / name)
    return folder


def test_a_row_becomes_a_clip_with_quotes_in_its_text(corpus: Path) -> None:
    first, second = load_clips(corpus)
    assert first == Clip(
        corpus / "clips" / "a.mp3",
        "es",
        '"Sí", dijo',
        4.104,
        source="common-voice",
        speaker="voice a.mp3",
        license="CC0-1.0",
        fields={"split": "test", "gender": "female_feminine", "accents": "México", "locale": "es"},
    )
    assert second.text == 'Abrió una " y calló'
    assert second.duration_s == pytest.approx(0.5, abs=0.1)
    assert second.fields == {"split": "test", "up_votes": "2", "locale": "es"}


def test_clips_are_grouped_by_columns_of_the_set(corpus: Path) -> None:
    rows = [(clip, clip.audio.name) for clip in load_clips(corpus)]
    assert group_clips(rows, "gender") == {"female_feminine": ["a.mp3"], "": ["b.mp3"]}


def test_another_split_is_loaded_by_name(corpus: Path) -> None:
    assert [clip.text for clip in load_clips(corpus / "train.tsv")] == ["de entrenamiento"]
    (corpus / "test.tsv").unlink()
    with pytest.raises(ManifestError, match=r"no test split\. Name the file: train\.tsv"):
        load_clips(corpus)


def test_a_release_is_loaded_whole_and_selected_from(corpus: Path) -> None:
    write_table(corpus.parent / "sv-SE" / "test.tsv", row("c.mp3", "hej", locale="sv-SE"))
    write_sine(corpus.parent / "sv-SE" / "clips" / "c.mp3")
    assert [clip.language for clip in load_clips(corpus.parent)] == ["es", "es", "sv"]
    assert [clip.text for clip in load_clips(corpus.parent, language="sv-SE")] == ["hej"]
    assert [clip.language for clip in load_clips(corpus.parent, limit=1)] == ["es", "sv"]


def test_the_limit_spares_other_audio(corpus: Path) -> None:
    (corpus / "clips" / "b.mp3").unlink()
    assert len(load_clips(corpus, limit=1)) == 1
    with pytest.raises(ManifestError, match=r"test\.tsv, line 3: no audio file .*b\.mp3\. .*clips/ beside the TSV"):
        load_clips(corpus)


def test_early_releases_have_neither_locale_nor_suffixes(tmp_path: Path) -> None:
    old = {"client_id": "x", "path": "a", "sentence": "ciao"}
    write_sine(tmp_path / "it" / "clips" / "a.mp3")
    assert load_clips(write_table(tmp_path / "it" / "test.tsv", old))[0].language == "it"
    write_sine(tmp_path / "my clips" / "clips" / "a.mp3")
    nowhere = write_table(tmp_path / "my clips" / "test.tsv", old)
    assert load_clips(nowhere, language="it")[0].language == "it"
    with pytest.raises(ManifestError, match=r"test\.tsv, line 2: the language is not known.* Name the language"):
        load_clips(nowhere)


def test_a_backslash_takes_the_next_character_literally(corpus: Path) -> None:
    write_table(corpus / "test.tsv", row("a.mp3", "a\\\\b", locale="es"))
    assert load_clips(corpus)[0].text == "a\\b"


def test_a_missing_column_is_named(corpus: Path) -> None:
    write_lines(corpus / "test.tsv", "client_id\tpath\ttext", "x\ta.mp3\thola")
    with pytest.raises(
        ManifestError, match=r"test\.tsv, line 1: no column sentence\. .* There are: client_id, path, text"
    ):
        load_clips(corpus)


def test_a_row_of_another_length_is_named(corpus: Path) -> None:
    write_lines(corpus / "test.tsv", "client_id\tpath\tsentence", "x\ta.mp3\thola", "x\ta.mp3")
    with pytest.raises(ManifestError, match=r"test\.tsv, line 3: 2 columns, but the first line names 3"):
        load_clips(corpus)


def test_text_that_is_not_utf8_is_named(corpus: Path) -> None:
    with (corpus / "test.tsv").open("ab") as file:
        file.write("x\tñ\n".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"test\.tsv, line 4: not UTF-8"):
        load_clips(corpus)


def test_a_length_that_is_no_number_is_named(corpus: Path) -> None:
    write_lines(corpus / "clip_durations.tsv", "clip\tduration[ms]", "a.mp3\tlong")
    with pytest.raises(ManifestError, match=r"clip_durations\.tsv, line 2: the duration is 'long'"):
        load_clips(corpus)


def test_a_length_of_zero_is_asked_of_the_file(corpus: Path) -> None:
    write_lines(corpus / "clip_durations.tsv", "clip\tduration[ms]", "a.mp3\t0")
    assert load_clips(corpus)[0].duration_s == pytest.approx(0.5, abs=0.1)


def test_a_table_without_rows_is_an_empty_set(corpus: Path) -> None:
    write_lines(corpus / "test.tsv", "\t".join(_COLUMNS))
    with pytest.raises(ManifestError, match=r"es holds no clips\."):
        load_clips(corpus)
