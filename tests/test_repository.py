"""The repository holds what it needs: nothing in it reaches above its own root."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from speech3n.eval.bench import __main__ as bench
from speech3n.eval.bench import finetuned
from speech3n.eval.bench.captions.benchmark import SHORT_FORM
from speech3n.eval.bench.nano import __main__ as nano
from tests.conftest import REPOSITORY

UPWARD = re.compile(r"(?<![\w./])(?:\.\./)+[\w./-]+")
BESIDE = re.compile(r"\bshared/(?:eval|speech)\b|[\"']shared[\"']|\bREPOSITORY\.parent\b|\bparents\[\d\]\.parent\b")
"""Data that lies beside the repository where it is developed, and ways to get there."""


def tracked() -> list[Path]:
    """All files of the repository; without git, those that it installs and tests."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode == 0:
        return [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    folders = ("docs", "eval", "speech3n", "tests", "tui")
    return [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.is_file() and path != Path(__file__):
            contents = path.read_bytes()
            if b"\0" not in contents:
                yield path, contents.decode("utf-8", "replace")


def leaves(path: Path, text: str) -> list[str]:
    """What in the text of a file is a path out of the repository; those in Python may be of a test's own making."""
    upward = [] if path.suffix == ".py" else [match.group() for match in UPWARD.finditer(text)]
    places = [(way, path.parent / way) for way in upward]
    out = [way for way, at in places if not (at.exists() and at.resolve().is_relative_to(REPOSITORY))]
    return out + [match.group() for match in BESIDE.finditer(text)]


def test_what_lies_outside_the_rooms() -> None:
    loose = {path.name for path in (REPOSITORY / "speech3n").glob("*.py")}
    assert loose == {"__init__.py", "types.py", "errors.py", "languages.py"}


def test_nothing_reaches_above_the_root() -> None:
    found = {str(path.relative_to(REPOSITORY)): ways for path, text in texts() if (ways := leaves(path, text))}
    assert found == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('default=Path("../shared/eval")', 2),
        ('{"audio": "../../../../elsewhere/a.flac"}', 1),
        ('REPOSITORY.parent / "shared" / "eval"', 2),
        ('{"audio": "../../../speech3n/examples/en-jfk.flac"}', 0),
        ("a ... b/../c", 0),
    ],
)
def test_what_reaches_above_it_is_found(text: str, expected: int) -> None:
    assert len(leaves(REPOSITORY / "tests" / "data" / "gemma3n-memorised" / "clips.jsonl", text)) == expected


@pytest.mark.parametrize(
    ("command", "arguments", "hint"),
    [
        (bench.main, [], "Name a manifest, or speech3n/examples/examples.jsonl for a short form."),
        (finetuned.main, [], "Name a manifest with --clips."),
        (nano.main, ["--only", "real"], "Give --real: a manifest or a public set."),
        (nano.main, ["--only", "speed"], "Give --synthetic: a folder of held-out shards."),
    ],
)
def test_measuring_asks_for_clips(
    command: bench.click.Command, arguments: list[str], hint: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path)])
    assert (result.exit_code, result.output.strip().endswith(hint)) == (2, True), result.output


def test_the_short_form_is_there() -> None:
    assert (REPOSITORY / SHORT_FORM).is_file()
