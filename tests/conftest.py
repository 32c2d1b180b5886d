"""What the whole suite shares: bundled real speech, the Whisper base weights, and an engine that needs neither."""

from __future__ import annotations

import builtins
import errno
import io
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from speech3n.types import SAMPLE_RATE, Waveform

# Tests measure no time, hypothesis included: machines are busy.
settings.register_profile("speech3n", deadline=None)
settings.load_profile("speech3n")

# Before torch is loaded. For models as small as those of tests, threads that meet after each product cost more than
# they bring, many times as much where other programs want the cores; and sums are the same on any number of cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLES = REPOSITORY / "speech3n" / "examples"


@pytest.fixture(autouse=True)
def _own_user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's settings or writes sessions among the user's."""
    home = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("SPEECH3N_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("SPEECH3N_SESSIONS_DIR", str(home / "sessions"))


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Take from everybody the right to read a file; from root, who may read everything, as well as can be."""

    def forbid(path: Path) -> None:
        path.chmod(0)
        if not os.access(path, os.R_OK):
            return
        original: Callable[..., object] = io.open

        def guarded(file: object, *args: object, **options: object) -> object:
            if isinstance(file, (str, os.PathLike)) and Path(file) == path:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return original(file, *args, **options)

        for module in (io, builtins):
            monkeypatch.setattr(module, "open", guarded)

    return forbid


@pytest.fixture(scope="session")
def examples() -> dict[str, Path]:
    """The bundled clips by language."""
    return {path.stem.split("-")[0]: path for path in sorted(EXAMPLES.glob("*.flac"))}


@pytest.fixture(scope="session")
def english(examples: dict[str, Path]) -> Waveform:
    """J. F. Kennedy, 1961: 11 s of speech with pauses."""
    return read_waveform(examples["en"])


@pytest.fixture(scope="session")
def spanish(examples: dict[str, Path]) -> Waveform:
    """The bundled Spanish clip."""
    return read_waveform(examples["es"])


@pytest.fixture(scope="session")
def whisper() -> Iterator[object]:
    """Whisper base, which `make test` fetches."""
    from speech3n.engines.registry import open_engine

    with closing(open_engine("whisper-base")) as engine:
        yield engine


def read_waveform(path: Path) -> Waveform:
    """A whole file as float32 mono 16 kHz."""
    from speech3n.audio.source import FileSource

    with closing(FileSource(path)) as source:
        return np.concatenate(list(source.frames()))


@contextmanager
def full_disk(path: Path, room: int = 0) -> Iterator[None]:
    """No file may grow beyond the size of `path` and `room` bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def silence(seconds: float) -> Waveform:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)
