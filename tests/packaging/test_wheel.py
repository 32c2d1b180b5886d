"""What is in the wheel and in the source distribution."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.packaging.conftest import build


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_claims_no_other_import_name(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"speech3n", "speech3n-0.1.0.dist-info"}


def test_the_wheel_holds_every_module(names: set[str]) -> None:
    """Those of tui and eval too, which lie at the top of the repository."""
    modules = {str(path.relative_to(REPOSITORY / "speech3n")) for path in (REPOSITORY / "speech3n").rglob("*.py")}
    for room in ("tui", "eval"):
        modules |= {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / room).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == {f"speech3n/{module}" for module in modules}


def test_the_wheel_holds_what_is_read_beside_the_modules(names: set[str]) -> None:
    read = ["py.typed", "tui/*.tcss", "eval/report/templates/*", "nano/*", "nano/.files.json", "examples/*"]
    for pattern in read:
        found = [path for path in (REPOSITORY / "speech3n").glob(pattern) if path.is_file()]
        assert found, pattern
        assert {f"speech3n/{path.relative_to(REPOSITORY / 'speech3n')}" for path in found} <= names
    assert {"speech3n-0.1.0.dist-info/licenses/LICENSE", "speech3n-0.1.0.dist-info/licenses/NOTICE"} <= names


def test_the_source_distribution_builds_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    """It has no links: what they point to lies in their place."""
    for folder in ("sdist", "wheel"):
        (tmp_path / folder).mkdir()
    with tarfile.open(build("sdist", checkout, tmp_path / "sdist")) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        archive.extractall(tmp_path, filter="data")
    again = build("wheel", tmp_path / "speech3n-0.1.0", tmp_path / "wheel")
    assert _contents(again) == _contents(wheel)


def test_nano_is_in_the_wheel_with_its_list(tmp_path: Path) -> None:
    """What setuptools takes of a package whose weights are there."""
    shipped = ["README.md", "config.json", "model.safetensors", "speech3n.json", "tokenizer.json", ".files.json"]
    for name in (*shipped, ".verified.json"):
        (tmp_path / "nano" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "nano" / name).touch()
    code = (
        "import sys\nfrom setuptools.config.pyprojecttoml import apply_configuration\n"
        "from setuptools.dist import Distribution\n"
        "build = apply_configuration(Distribution(), 'pyproject.toml').get_command_obj('build_py')\n"
        "build.finalize_options()\n"
        "build.manifest_files = {}\n"
        "print(*build.find_data_files('speech3n', sys.argv[1]), sep='\\n')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert sorted(found.splitlines()) == sorted(str(tmp_path / "nano" / name) for name in shipped)


def _contents(wheel: Path) -> dict[str, int]:
    """Files and their checksums; RECORD holds the same once more, in another order."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist() if not info.filename.endswith("/RECORD")}
