import json
import pickle
from pathlib import Path

import pytest

from speech3n.errors import UsageError
from speech3n.eval.sets.entry import file_duration_s
from speech3n.eval.sets.grouping import group_clips, require_field
from speech3n.eval.sets.load import load_clips
from speech3n.eval.sets.manifest import load_manifest
from speech3n.training.data.manifest import ManifestError
from tests.eval.sets.corpora import write_lines, write_sine


def write_manifest(folder: Path, *records: dict[str, object]) -> Path:
    write_sine(folder / "a.flac")
    lines = [json.dumps({"audio": "a.flac", "language": "es", "text": "hola"} | record) for record in records]
    return write_lines(folder / "manifest.jsonl", *lines)


def test_a_manifest_is_loaded_as_a_file_or_by_its_folder(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {}, {"language": "en"})
    assert load_clips(path) == load_clips(tmp_path) == load_manifest(path)
    assert [clip.language for clip in load_clips(path, language="en")] == ["en"]
    with pytest.raises(ManifestError, match=r"holds no clips in de\."):
        load_clips(path, language="de")


def test_a_length_that_is_not_given_is_that_of_the_file(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {}, {"duration_s": None}, {"duration_s": 9.5})
    assert [clip.duration_s for clip in load_clips(path)] == [0.5, 0.5, 9.5]


@pytest.mark.parametrize("duration", [-1, True, float("inf"), float("nan"), "1"])
def test_a_length_that_is_wrong_stays_an_error(tmp_path: Path, duration: object) -> None:
    with pytest.raises(ManifestError, match=r'manifest\.jsonl, line 1: "duration_s" is'):
        load_clips(write_manifest(tmp_path, {"duration_s": duration}))


def test_the_limit_spares_other_audio(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {}, {"audio": "gone.flac"}, {"language": "en"})
    assert [clip.language for clip in load_clips(path, limit=1)] == ["es", "en"]


def test_what_else_a_manifest_tells_becomes_fields(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {"gender": "f", "age": 30, "tags": ["x"], "more": {"a": 1}, "ok": True, "no": None})
    clip = load_clips(path)[0]
    assert clip.fields == {"gender": "f", "age": "30"}
    assert pickle.loads(pickle.dumps(clip)) == clip
    assert {clip: 1}[clip] == 1


def test_fields_group_and_are_suggested(tmp_path: Path) -> None:
    clips = load_clips(write_manifest(tmp_path, {"accent": "MX"}, {}, {"accent": "AR"}))
    rows = list(zip(clips, range(3), strict=True))
    assert group_clips(iter(rows), "accent") == {"AR": [2], "MX": [0], "": [1]}
    with pytest.raises(UsageError, match=r"no field acent\. Did you mean accent\?"):
        require_field("acent", clips)
    with pytest.raises(UsageError, match=r"no field fields"):
        require_field("fields", clips)


def test_separators_of_unicode_do_not_end_a_line(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {})
    write_lines(path, path.read_text().strip().replace("hola", "hola\u2028adiós"), "")
    assert [clip.text for clip in load_clips(path)] == ["hola\u2028adiós"]


def test_a_mark_before_the_first_line_is_no_part_of_it(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_clips(path)[0].text == "hola"


def test_a_file_that_announces_no_length_is_decoded(tmp_path: Path) -> None:
    path = write_sine(tmp_path / "a.flac", 0.75)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples: 0 is "unknown", as in a FLAC from a pipe
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert file_duration_s(path) == pytest.approx(0.75)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".flac", 0), (".wav", 0), (".mp3", 0.1), (".opus", 0.02)])
def test_lengths_come_from_the_header(tmp_path: Path, suffix: str, tolerance: float) -> None:
    assert file_duration_s(write_sine(tmp_path / f"a{suffix}", 1.25)) == pytest.approx(1.25, abs=tolerance)


def test_what_was_looked_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="does not exist"):
        load_clips(tmp_path / "gone")
    with pytest.raises(ManifestError, match=r"holds no set of clips\. Looked for .*LibriSpeech.*MLS.*FLEURS.*CoVoST"):
        load_clips(tmp_path)
    with pytest.raises(ManifestError, match=r"notes\.md is no set of clips\. Looked for"):
        load_clips(write_lines(tmp_path / "notes.md", "x"))
    with pytest.raises(ManifestError, match=r"x\.tsv, line 1: neither .* Looked for the columns client_id, path"):
        load_clips(write_lines(tmp_path / "x.tsv", "a\tb"))
    with pytest.raises(ManifestError, match=r"y\.tsv is empty"):
        load_clips(write_lines(tmp_path / "y.tsv"))
