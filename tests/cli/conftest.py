"""The command line, run in this process with an engine that needs no weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from speech3n.cli import main as cli
from speech3n.session import batch
from tests.fakes import FakeEngine


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line with an engine that needs no weights."""
    monkeypatch.setattr(batch, "install_model", lambda model: None)
    monkeypatch.setattr(batch, "open_engine", lambda model: FakeEngine())

    def run(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = exit_.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run
