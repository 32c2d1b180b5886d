"""What `transcribe` is asked to do: which inputs there are, and a name of its own for the transcript of each."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from speech3n.audio.inputs import STDIN
from speech3n.audio.media import is_address
from speech3n.errors import UsageError, printable

AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("aac", "ac3", "aif", "aiff", "amr", "au", "caf", "flac", "m4a", "m4b", "mka", "mp2", "mp3"),
        *("oga", "ogg", "opus", "wav", "weba", "wma"),
        *("3gp", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ts", "webm", "wmv"),
    )
)
"""What is picked out of a folder; a file that is named is tried whatever its suffix."""


@dataclass(frozen=True, slots=True)
class Job:
    """An input, a file or else `-` or an address, and the path, without suffix, that its transcripts get."""

    source: Path | str
    stem: Path

    def outputs(self, formats: Iterable[str]) -> dict[str, Path]:
        """The files of its transcript by format."""
        # Not with_suffix: `talk.v2` and `talk.v3` would both become `talk.srt`.
        return {format_: self.stem.with_name(f"{self.stem.name}.{format_}") for format_ in formats}


def find_jobs(inputs: Iterable[str], output_dir: Path | None) -> list[Job]:
    """Inputs from files, folders (searched below), glob patterns, addresses and `-`, in order and without repeats.

    Transcripts go beside their inputs or to `output_dir`, where the structure of a folder is kept; what does not come
    from a file goes to the folder one is in. Inputs whose transcripts would get one name get the whole file name, then
    the names of their folders before it. Raises UsageError for a folder or pattern that holds nothing.
    """
    found: dict[str, _Named] = {}
    for text in inputs:
        if text == STDIN:
            found.setdefault(text, _Named(text, Path("stdin"), output_dir or Path()))
        elif is_address(text):
            found.setdefault(text, _Named(text, _address_path(text), output_dir or Path()))
        else:
            for path, below in _expand(text):
                folder = output_dir / below if output_dir else path.parent
                found.setdefault(str(path.absolute()), _Named(path, path.absolute(), folder))
    return _distinct(list(found.values()))


@dataclass(frozen=True, slots=True)
class _Named:
    """An input, the path that names it, and the folder of its transcripts."""

    source: Path | str
    path: Path
    folder: Path

    def stem(self, level: int) -> Path | None:
        """A name for its transcripts, the longer the higher the level; None where there are no more."""
        parents = self.path.parts[1 if self.path.anchor else 0 : -1]
        if level > 1 + len(parents):
            return None
        name = self.path.name if level == 1 else self.path.stem
        return self.folder / "-".join([*parents[len(parents) - max(0, level - 1) :], name])


def _distinct(named: list[_Named]) -> list[Job]:
    levels = [0] * len(named)
    while True:
        by_name: dict[str, list[int]] = defaultdict(list)
        stems: list[Path] = []
        for index, (one, level) in enumerate(zip(named, levels, strict=True)):
            stem = one.stem(level)
            if stem is None:
                raise UsageError(
                    f"The transcript of '{one.source}' would get the name of another one.",
                    "Transcribe them one by one, each to a folder of its own (--output-dir).",
                )
            stems.append(stem)
            by_name[os.path.normcase(stem)].append(index)
        clashes = [indices for indices in by_name.values() if len(indices) > 1]
        if not clashes:
            return [Job(one.source, stem) for one, stem in zip(named, stems, strict=True)]
        for indices in clashes:
            # The one whose name is whole already keeps it.
            lowest = min(levels[index] for index in indices)
            for index in indices:
                levels[index] += levels[index] == lowest


def _address_path(url: str) -> Path:
    """The path that names an address: its server, its folders and, where it has one, its query as one more folder."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url} is no address ({error}).", "Check the spelling.") from error
    server = parts.netloc.rpartition("@")[2].replace(":", "-").replace(".", "-")
    path = Path(printable(unquote(parts.path)).lstrip("/"))
    return Path(server, path.parent, parts.query.replace("/", "-"), path.name)


def _expand(text: str) -> list[tuple[Path, Path]]:
    """The files behind one argument, each with its folder relative to what was named."""
    path = Path(text)
    # os.path, unlike Path, takes a name that is too long for one that is not there.
    if os.path.isdir(text):  # noqa: PTH112
        files = sorted(_audio_below(path))
        if not files:
            raise UsageError(f"The folder '{path}' holds no audio or video.")
        return [(file, file.relative_to(path).parent) for file in files]
    if glob.has_magic(text) and not os.path.exists(text):  # noqa: PTH110
        files = sorted(Path(match) for match in glob.iglob(text, recursive=True) if Path(match).is_file())  # noqa: PTH207 (patterns may be absolute)
        if not files:
            raise UsageError(f"Nothing matches '{text}'.")
        return [(file, Path()) for file in files]
    return [(path, Path())]


def _audio_below(folder: Path) -> Iterator[Path]:
    """The recordings in a folder and below: links to folders are followed, each folder once; hidden names are not."""
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            # `._talk.m4a` is what macOS leaves beside talk.m4a on other people's disks.
            path = Path(root, name)
            if not name.startswith(".") and path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
                yield path
