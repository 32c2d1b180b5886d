"""Which inputs there are, and that each transcript gets a name of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech3n.errors import UsageError
from speech3n.session.jobs import find_jobs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def named(folder: Path, *inputs: str, output_dir: Path | None = None) -> dict[str, str]:
    """The stem of each input, both relative to `folder`."""
    output_dir = folder / "out" if output_dir is None else output_dir
    jobs = find_jobs([str(folder / name) for name in inputs], output_dir)
    return {str(Path(job.source).relative_to(folder)): str(job.stem.relative_to(output_dir or folder)) for job in jobs}


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    assert named(tmp_path, "day1/rec.flac", "day2/rec.flac") == {
        "day1/rec.flac": "day1-rec",
        "day2/rec.flac": "day2-rec",
    }
    assert named(tmp_path, "a/x/rec.flac", "b/x/rec.flac", "b/x/other.flac") == {
        "a/x/rec.flac": "a-x-rec",
        "b/x/rec.flac": "b-x-rec",
        "b/x/other.flac": "other",
    }


def test_a_name_that_another_needs_in_full(tmp_path: Path) -> None:
    names = named(tmp_path, "a.mp3", "a.wav", "a.mp3.ogg")
    assert names == {"a.mp3": "a.mp3", "a.wav": "a.wav", "a.mp3.ogg": "a.mp3.ogg"}


def test_the_structure_of_folders_is_kept_and_told_apart(tmp_path: Path) -> None:
    make(tmp_path, "one/x/a.flac", "two/x/a.flac", "two/b.flac")
    assert named(tmp_path, "one", "two") == {
        "one/x/a.flac": "x/one-x-a",
        "two/b.flac": "b",
        "two/x/a.flac": "x/two-x-a",
    }


def test_one_input_named_twice_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "a.flac")
    (job,) = find_jobs(["a.flac", "./a.flac", str(tmp_path / "a.flac"), "."], None)
    assert job.stem == Path("a")


def test_addresses_and_stdin_have_names(tmp_path: Path) -> None:
    inputs = ["https://example.com/talks/my%20talk.mp3?x=[1]", "https://example.com:8000/", "-"]
    jobs = find_jobs(inputs, tmp_path)
    assert [job.source for job in jobs] == inputs
    assert [job.stem.name for job in jobs] == ["my talk", "example-com-8000", "stdin"]
    two = find_jobs(["https://a.org/talk.mp3", "https://b.org/talk.mp3"], tmp_path)
    assert [job.stem.name for job in two] == ["a-org-talk", "b-org-talk"]
    two = find_jobs(["https://a.org/get?id=1", "https://a.org/get?id=2"], tmp_path)
    assert [job.stem.name for job in two] == ["id=1-get", "id=2-get"]
    (odd,) = find_jobs(["https://a.org/a%00b%1b.mp3"], tmp_path)
    assert odd.stem.name == r"a\x00b\x1b"


def test_what_names_cannot_tell_apart_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the name of another one"):
        find_jobs(["https://a.org/talk.mp3", "https://me@a.org/talk.mp3"], tmp_path)


def test_hidden_files_are_not_recordings(tmp_path: Path) -> None:
    make(tmp_path, "in/talk.flac", "in/._talk.flac", "in/.DS_Store", "in/.trash/old.flac", "in/notes.md")
    assert named(tmp_path, "in") == {"in/talk.flac": "talk"}
    assert named(tmp_path, "in/._talk.flac") == {"in/._talk.flac": "._talk"}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path, "mac/talk.flac", "in/a.flac")
    (tmp_path / "in" / "rec").symlink_to(tmp_path / "mac")
    (tmp_path / "in" / "rec2").symlink_to(tmp_path / "mac")
    (tmp_path / "mac" / "loop").symlink_to(tmp_path / "in")
    assert named(tmp_path, "in") == {"in/a.flac": "a", "in/rec/talk.flac": "rec/talk"}


def test_nothing_to_be_found(tmp_path: Path) -> None:
    make(tmp_path, "in/notes.md")
    with pytest.raises(UsageError, match="holds no audio"):
        find_jobs([str(tmp_path / "in")], None)
    with pytest.raises(UsageError, match="Nothing matches"):
        find_jobs([str(tmp_path / "*.flac")], None)
