from pathlib import Path

import pytest

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import group_clips
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine


def line(number: int, name: str, samples: str = "16000", gender: str = "FEMALE") -> str:
    return f'{number}\t{name}\t«Sí», dijo "él"\tsí dijo él\ts í | d i j o |\t{samples}\t{gender}'


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two languages, as in the repository on the hub with its archives unpacked."""
    data = tmp_path / "fleurs" / "data"
    for locale in ("cmn_hans_cn", "es_419"):
        lines = [line(1904, "a.wav"), line(1904, "b.wav", "24000", "MALE")]
        write_lines(data / locale / "test.tsv", *lines)
        for name in ("a.wav", "b.wav"):
            write_sine(data / locale / "audio" / "test" / name)
    return data


def test_a_line_becomes_a_clip_with_the_raw_transcription(corpus: Path) -> None:
    first, second = load_clips(corpus / "es_419")
    assert first == Clip(
        corpus / "es_419" / "audio" / "test" / "a.wav",
        "es",
        '«Sí», dijo "él"',
        1.0,
        source="fleurs",
        license="CC-BY-4.0",
        fields={"split": "test", "id": "1904", "gender": "FEMALE", "locale": "es_419"},
    )
    assert second.duration_s == 1.5
    assert group_clips([(first, 1), (second, 2)], "gender") == {"FEMALE": [1], "MALE": [2]}


def test_all_languages_are_loaded_and_selected_from(corpus: Path) -> None:
    assert [clip.language for clip in load_clips(corpus.parent, limit=1)] == ["zh", "es"]
    assert {clip.fields["locale"] for clip in load_clips(corpus, language="zh")} == {"cmn_hans_cn"}
    with pytest.raises(ManifestError, match=r"no clips in de\. There are: es, zh\."):
        load_clips(corpus, language="de")


def test_the_language_has_to_be_said_where_the_folder_does_not(corpus: Path) -> None:
    folder = (corpus / "es_419").rename(corpus / "spanish")
    with pytest.raises(ManifestError, match=r"test\.tsv: the language is not known.* Name the language"):
        load_clips(folder)
    clip = load_clips(folder / "test.tsv", language="es")[0]
    assert clip.language == "es"
    assert "locale" not in clip.fields


def test_archives_that_are_not_unpacked_are_named(corpus: Path) -> None:
    (corpus / "es_419" / "audio" / "test" / "b.wav").unlink()
    assert len(load_clips(corpus / "es_419", limit=1)) == 1
    with pytest.raises(ManifestError, match=r"line 2: no audio file .*b\.wav\. Unpack audio/test\.tar\.gz"):
        load_clips(corpus / "es_419")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (line(1, "b.wav", "many"), "line 2: the number of samples is 'many'"),
        (line(1, "b.wav", "0"), "line 2: the number of samples is '0'"),
        (line(1, "b.wav") + "\tx", "line 2: 8 columns, FLEURS has 7"),
    ],
)
def test_a_broken_line_is_named(corpus: Path, broken: str, message: str) -> None:
    tsv = write_lines(corpus / "es_419" / "test.tsv", line(1, "a.wav"), broken)
    with pytest.raises(ManifestError) as caught:
        load_clips(tsv)
    assert f"{tsv}, {message}" in caught.value.message
    assert caught.value.hint
