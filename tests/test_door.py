"""What `import speech3n` gives, and README's Python examples, which run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import speech3n
from speech3n import Interrupted, transcribe_file
from speech3n.errors import AudioError, UsageError
from speech3n.types import Waveform
from tests.conftest import REPOSITORY
from tests.fakes import FakeEngine, frames

_EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
)


def test_every_name_is_there() -> None:
    assert all(getattr(speech3n, name) is not None for name in speech3n.__all__)
    assert set(speech3n.__all__) <= set(dir(speech3n))
    assert speech3n.Session.__module__ == "speech3n.session.session"
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = speech3n.nonesuch


def test_the_door_alone_loads_nothing() -> None:
    program = "import sys; before = set(sys.modules); import speech3n; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "speech3n" in loaded
    assert not [name for name in loaded if name.startswith(("speech3n.", "numpy", "torch", "click"))]


def test_a_file_is_transcribed_by_the_engine_that_is_given(examples: dict[str, Path]) -> None:
    transcript = transcribe_file(examples["es"], model=FakeEngine(), language="spanish", translate=True)
    assert transcript.text.startswith("w0 w1")
    assert (transcript.language, transcript.task) == ("es", "translate")
    assert transcript.segments[0].translation


def test_what_does_not_fit_is_said(examples: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav"):
        transcribe_file(tmp_path / "missing.wav", model="nonesuch")
    with pytest.raises(UsageError, match="nonesuch"):
        transcribe_file(examples["es"], model="nonesuch")
    with pytest.raises(UsageError, match="klingon"):
        transcribe_file(examples["es"], model=FakeEngine(), language="klingon")


def test_what_was_recognised_comes_with_the_interruption(
    examples: dict[str, Path], monkeypatch: pytest.MonkeyPatch, english: Waveform
) -> None:
    def broken(self: object) -> object:
        yield from frames(english)
        raise AudioError("The disk is gone.")

    monkeypatch.setattr("speech3n.audio.source.FileSource.frames", broken)
    with pytest.raises(Interrupted, match="disk is gone") as interrupted:
        transcribe_file(examples["en"], model=FakeEngine())
    assert interrupted.value.transcript.segments


@pytest.mark.weights
@pytest.mark.parametrize("code", _EXAMPLES, ids=["a file", "a stream"])
def test_readme_examples_run(
    code: str,
    examples: dict[str, Path],
    spanish: Waveform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "talk.flac").symlink_to(examples["es"])
    np.save(tmp_path / "talk.npy", spanish)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    said, _, translated = capsys.readouterr().out.splitlines()[0].partition(" / ")
    assert "palabra" in said
    assert "word" in translated
