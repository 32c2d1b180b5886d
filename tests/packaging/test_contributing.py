"""CONTRIBUTING says where to begin: the files that it names are there."""

from __future__ import annotations

import re

from tests.conftest import REPOSITORY


def test_the_files_that_contributing_names_are_there() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:speech3n|tui|eval|tests)/[a-z0-9_/.-]+)`", text))
    assert len(named) > 20
    assert {name for name in named if not (REPOSITORY / name).exists()} <= {"speech3n/server/"}, "a room to come"
