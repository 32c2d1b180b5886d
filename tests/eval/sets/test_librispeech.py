from pathlib import Path

import pytest

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import group_clips
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two splits with a chapter each, as the archives of openslr.org/12 unpack."""
    root = tmp_path / "LibriSpeech"
    write_lines(
        root / "SPEAKERS.TXT",
        "; Some pipe(|) separated metadata about all LibriVox readers",
        ";ID  |SEX| SUBSET           |MINUTES| NAME",
        "84   | F | dev-clean        |  8.02 | Christie Nowak",
        "1998 | M | test-other       |  8.00 | Deborah | Clark",
    )
    for split, chapter, texts in (
        ("dev-clean", "84-121123", ["GO DO YOU HEAR", "BUT IN LESS THAN FIVE MINUTES"]),
        ("test-other", "1998-15444", ["IF CALLED TO A CASE"]),
    ):
        folder = root / split / chapter.replace("-", "/")
        ids = [f"{chapter}-{number:04}" for number in range(len(texts))]
        for number, name in enumerate(ids):
            write_sine(folder / f"{name}.flac", 0.5 + 0.25 * number)
        write_lines(folder / f"{chapter}.trans.txt", *(f"{n} {text}" for n, text in zip(ids, texts, strict=True)))
    return root


def test_an_utterance_becomes_a_clip(corpus: Path) -> None:
    clips = load_clips(corpus / "dev-clean")
    folder = corpus / "dev-clean" / "84" / "121123"
    assert clips[0] == Clip(
        folder / "84-121123-0000.flac",
        "en",
        "GO DO YOU HEAR",
        0.5,
        source="librispeech",
        speaker="84",
        license="CC-BY-4.0",
        fields={"split": "dev-clean", "chapter": "121123", "gender": "F"},
    )
    assert [(clip.text, clip.duration_s) for clip in clips[1:]] == [("BUT IN LESS THAN FIVE MINUTES", 0.75)]


@pytest.mark.parametrize(
    "below", [".", "dev-clean/84", "dev-clean/84/121123", "dev-clean/84/121123/84-121123.trans.txt"]
)
def test_any_folder_of_the_corpus_is_a_set(corpus: Path, below: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus)
    clips = load_clips(Path(below))
    assert [clip.speaker for clip in clips] == ["84", "84", "1998"][: 3 if below == "." else 2]
    assert clips[0].fields == {"split": "dev-clean", "chapter": "121123", "gender": "F"}


def test_the_folder_that_one_is_in_is_a_set(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus / "dev-clean" / "84" / "121123")
    assert load_clips(Path())[0].fields == {"split": "dev-clean", "chapter": "121123", "gender": "F"}


def test_clips_are_grouped_by_split_and_gender(corpus: Path) -> None:
    rows = [(clip, clip.speaker) for clip in load_clips(corpus)]
    assert group_clips(rows, "gender") == {"F": ["84", "84"], "M": ["1998"]}
    assert group_clips(rows, "split") == {"dev-clean": ["84", "84"], "test-other": ["1998"]}


def test_without_a_table_of_speakers_there_is_no_gender(corpus: Path) -> None:
    (corpus / "SPEAKERS.TXT").unlink()
    assert set(load_clips(corpus)[0].fields) == {"split", "chapter"}


def test_the_limit_counts_over_all_chapters_and_spares_other_audio(corpus: Path) -> None:
    for audio in list(corpus.rglob("*.flac")):
        if audio.name != "84-121123-0000.flac":
            audio.unlink()
    assert [clip.text for clip in load_clips(corpus, limit=1)] == ["GO DO YOU HEAR"]


def test_it_is_english_only(corpus: Path) -> None:
    assert len(load_clips(corpus, language="en-US")) == 3
    with pytest.raises(ManifestError, match=r"no clips in es\. There are: en\."):
        load_clips(corpus, language="es")


@pytest.mark.parametrize("line", ["84-121123-0002", "84-121123 GO", "84-121123-0002  "])
def test_a_line_without_id_or_text_is_named(corpus: Path, line: str) -> None:
    path = corpus / "dev-clean" / "84" / "121123" / "84-121123.trans.txt"
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(ManifestError, match=r"84-121123\.trans\.txt, line 3: not an id and a text\. Lines are:"):
        load_clips(corpus)


def test_missing_and_broken_audio_is_named_with_its_line(corpus: Path) -> None:
    audio = corpus / "dev-clean" / "84" / "121123" / "84-121123-0001.flac"
    audio.write_bytes(b"no sound")
    with pytest.raises(ManifestError, match=r"trans\.txt, line 2: .*84-121123-0001\.flac yields no audio"):
        load_clips(corpus)
    audio.unlink()
    with pytest.raises(ManifestError, match=r"trans\.txt, line 2: no audio file .*84-121123-0001\.flac\. .*lie beside"):
        load_clips(corpus)
