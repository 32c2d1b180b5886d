import dataclasses
import os
from pathlib import Path

import pytest

from speech3n.errors import StorageError
from speech3n.eval.report.document import load_report
from speech3n.eval.report.markdown import markdown_document
from speech3n.eval.report.writing import write_report
from tests.eval.report.sample import sample_report

NAMES = {"report.json", "report.md", "index.html"}


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    report = sample_report()
    folder = tmp_path / "new" / "folder"
    page = write_report(report, folder, {})
    assert load_report(folder) == report
    assert (folder / "report.md").read_text("utf-8") == markdown_document(report)
    assert page == folder / "index.html"
    assert page.read_text("utf-8").rstrip().endswith("</html>")
    assert {path.name for path in folder.iterdir()} == NAMES


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_what_was_there_stays_where_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    write_report(sample_report(), tmp_path, {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    written = 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written == failing:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    newer = dataclasses.replace(sample_report(), created="2027-01-01T00:00:00+00:00")
    with pytest.raises(StorageError, match="No space left on device") as caught:
        write_report(newer, tmp_path, {})
    assert str(tmp_path) in caught.value.message
    assert "--report" in caught.value.hint
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_who_reads_the_old_report_goes_on_reading_it(tmp_path: Path) -> None:
    path = write_report(sample_report(), tmp_path, {})
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_report(dataclasses.replace(sample_report(), created="2027-01-01T00:00:00+00:00"), tmp_path, {})
        assert reader.read() == before
    assert path.read_bytes() != before


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(StorageError, match="taken"):
        write_report(sample_report(), path, {})
    assert path.read_text() == "mine"


def test_templates_are_installed_with_the_package() -> None:
    import tomllib

    from tests.conftest import REPOSITORY

    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    patterns = pyproject["tool"]["setuptools"]["package-data"]["speech3n.eval"]
    templates = set((REPOSITORY / "eval" / "report" / "templates").iterdir())
    assert templates == {path for pattern in patterns for path in (REPOSITORY / "eval").glob(pattern)}
