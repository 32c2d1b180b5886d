"""Transcripts as files: the five formats as goldens, and writing whole files or none.

After a deliberate change `python tests/test_writers.py` writes the goldens anew: read them as a subtitler would.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech3n.errors import StorageError, UsageError
from speech3n.formats.subtitles import SubtitleOptions
from speech3n.formats.writers import FORMATS, parse_formats, render, write_transcript
from speech3n.types import Segment, Transcript, Word
from tests.fakes import parse_segment

GOLDEN = Path(__file__).parent / "golden"
GOLDENS = [
    *((f"both.{format_}", format_, "both") for format_ in ("txt", "srt", "vtt", "tsv", "json")),
    *((f"source.{format_}", format_, "source") for format_ in ("txt", "srt", "vtt", "tsv")),
    *((f"translation.{format_}", format_, "translation") for format_ in ("txt", "srt", "vtt", "tsv")),
]

# Each word with the second at which it ends; a number alone is the second at which the next word begins.
INTERVIEW = [
    (
        "0.42 Buenos 0.81 días 1.22 a 1.30 todos, 1.84 y 2.02 gracias 2.46 por 2.62 venir. 3.10",
        "Good morning everyone, and thank you for coming.",
    ),
    (
        "3.94 Hoy 4.21 vamos 4.46 a 4.52 hablar 4.88 del 5.04 agua: 5.52 de 5.98 dónde 6.24 viene, 6.70 quién 7.12 "
        "la 7.22 gasta 7.66 y 7.90 por 8.02 qué 8.20 cada 8.48 verano 8.90 hay 9.06 menos. 9.60 10.05 ¿Alguien 10.47 "
        "sabe 10.76 cuánta 11.12 usamos 11.58 al 11.70 día? 12.10",
        "Today we are going to talk about water: where it comes from, who uses it, and why every summer there is less. "
        "Does anyone know how much we use a day?",
    ),
    (
        "14.30 En 14.46 el 14.54 año 14.80 1950 15.92 la 16.04 señora 16.42 Gutiérrez 16.98 y 17.10 su 17.24 hermano "
        "17.72 cavaron 18.20 el 18.30 primer 18.62 pozo 18.96 del 19.12 pueblo 19.50 con 19.70 sus 19.88 propias 20.30 "
        "manos, 20.86 y 21.20 tardaron 21.68 casi 21.96 dos 22.20 años 22.58 en 22.70 encontrar 23.20 agua. 23.64",
        "In 1950 Mrs. Gutiérrez and her brother dug the village's first well with their own hands, "
        "and it took them almost two years to find water.",
    ),
    ("25.02 Sí. 25.20", "Yes."),
    (
        "26.10 Hoy 26.36 R&D 27.02 cuesta 27.40 <mil 27.72 euros> 28.10 al 28.22 mes. 28.60",
        "Today R&D costs <a thousand euros> a month.",
    ),
]


def interview() -> Transcript:
    """A short talk in Spanish with its English translation, written by hand."""
    segments = []
    for number, (timed, translation) in enumerate(INTERVIEW):
        words: list[Word] = []
        at, text = 0.0, ""
        for token in timed.split():
            if token.replace(".", "", 1).isdigit() and "." in token:
                if text:
                    words.append(Word(text, at, float(token), 0.9))
                at, text = float(token), ""
            else:
                text = token
        spoken = " ".join(word.text for word in words)
        start, end = words[0].start, words[-1].end
        segments.append(Segment(number, start, end, spoken, tuple(words), "es", translation, target_language="en"))
    return Transcript(tuple(segments), "charla.v2.wav", 29.5, "es", "whisper-base", "translate")


@pytest.mark.parametrize(("name", "format_", "content"), GOLDENS)
def test_format_is_as_in_the_golden_file(name: str, format_: str, content: str) -> None:
    assert render(interview(), format_, SubtitleOptions(content=content)) == (GOLDEN / name).read_text("utf-8")


def test_json_gives_the_transcript_back() -> None:
    record = json.loads(render(interview(), "json", SubtitleOptions()))
    assert tuple(map(parse_segment, record.pop("segments"))) == interview().segments
    assert record == {
        "audio": "charla.v2.wav",
        "duration_s": 29.5,
        "language": "es",
        "model": "whisper-base",
        "task": "translate",
    }


@pytest.mark.parametrize(
    ("format_", "text"),
    [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n\n"), ("tsv", "start\tend\ttext\n")],
)
def test_an_empty_transcript_is_a_valid_file(format_: str, text: str) -> None:
    assert render(Transcript((), "silence.wav", 3.0, None, "m"), format_, SubtitleOptions()) == text


def test_hours_beyond_two_digits() -> None:
    late = Segment(0, 360_000.9996, 360_002.5, "Late.", (), "en")
    transcript = Transcript((late,), "a.wav", 360_010.0, "en", "m")
    assert "100:00:01,000 --> 100:00:02,500\n" in render(transcript, "srt", SubtitleOptions())
    assert "100:00:01.000 --> 100:00:02.500\n" in render(transcript, "vtt", SubtitleOptions())


@settings(max_examples=60)
@given(
    st.text(st.sampled_from(list("ab<>&- \t\n\r\x0b\u2028\u0085.")), max_size=60), st.sampled_from(["source", "both"])
)
def test_no_text_breaks_the_structure_of_a_subtitle_file(text: str, content: str) -> None:
    segment = Segment(0, 0.0, 30.0, text, (), "en", translation=text)
    transcript = Transcript((segment,), "a.wav", 30.0, "en", "m")
    for format_ in ("srt", "vtt"):
        blocks = render(transcript, format_, SubtitleOptions(content=content)).removeprefix("WEBVTT\n\n").split("\n\n")
        assert blocks.pop() == ""
        for block in blocks:
            assert block.count("-->") == 1
            assert all(line.strip() for line in block.splitlines())
            assert "-->" in block.splitlines()[1 if format_ == "srt" else 0]
    rows = render(transcript, "tsv", SubtitleOptions(content=content)).splitlines()
    assert len({row.count("\t") for row in rows}) == 1
    assert len(rows) == 2


def test_formats_are_parsed_and_near_ones_named() -> None:
    assert parse_formats("srt, VTT,.txt,srt") == ("srt", "vtt", "txt")
    with pytest.raises(UsageError, match=r"'str'.*Did you mean srt"):
        parse_formats("txt,str")
    with pytest.raises(UsageError, match=r"'docx'.*txt, srt, vtt, tsv, json"):
        parse_formats("docx")
    with pytest.raises(UsageError, match="No format"):
        parse_formats(" , ")


def test_files_are_named_by_appending_and_folders_made(tmp_path: Path) -> None:
    stem = tmp_path / "new" / "talk.v2"
    paths = write_transcript(interview(), FORMATS, stem, SubtitleOptions())
    assert [path.name for path in paths] == ["talk.v2.txt", "talk.v2.srt", "talk.v2.vtt", "talk.v2.tsv", "talk.v2.json"]
    assert paths[1].read_text("utf-8") == render(interview(), "srt", SubtitleOptions())
    assert sorted(paths) == sorted(stem.parent.iterdir())


def test_a_file_follows_the_umask(tmp_path: Path) -> None:
    (path,) = write_transcript(interview(), ["txt"], tmp_path / "talk", SubtitleOptions())
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_file_name_that_is_no_utf8_does_not_lose_the_transcript(tmp_path: Path) -> None:
    transcript = replace(interview(), audio=os.fsdecode(b"caf\xe9.wav"))
    (path,) = write_transcript(transcript, ["json"], tmp_path / "talk", SubtitleOptions())
    assert json.loads(path.read_text("utf-8"))["audio"] == transcript.audio


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "Free some space"), (errno.EACCES, "--output-dir"), (errno.EIO, "--output-dir")]
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str, step: str
) -> None:
    old = tmp_path / "talk.txt"
    old.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(StorageError, match=os.strerror(number)) as caught:
        write_transcript(interview(), ["txt"], tmp_path / "talk", SubtitleOptions())
    assert hint in caught.value.hint
    assert str(old) in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["talk.txt"]
    assert old.read_text() == "old"


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="taken"):
        write_transcript(interview(), ["txt"], tmp_path / "taken" / "talk", SubtitleOptions())


def test_an_interruption_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_transcript(interview(), ["txt"], tmp_path / "talk", SubtitleOptions())
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    for golden_name, golden_format, golden_content in GOLDENS:
        text = render(interview(), golden_format, SubtitleOptions(content=golden_content))
        (GOLDEN / golden_name).write_text(text, "utf-8")
