"""Loading a set of any format: what it is shows in the names and first lines of what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.common_voice import DURATIONS, read_common_voice
from speech3n.eval.sets.covost import is_covost_name, read_covost
from speech3n.eval.sets.entry import Entry, clip_of, language_code
from speech3n.eval.sets.fleurs import is_fleurs_line, read_fleurs
from speech3n.eval.sets.librispeech import find_chapters, read_librispeech
from speech3n.eval.sets.manifest import load_manifest
from speech3n.eval.sets.mls import read_mls
from speech3n.eval.sets.shards import held_out, read_shard, shards_in
from speech3n.training.data.manifest import ManifestError, read_lines
from speech3n.training.data.shards import is_shard

Reader: TypeAlias = Callable[[], Iterator[Entry]]
"""Gives the entries of a file, or of a LibriSpeech folder; all of one language."""

_DEPTH = 2
"""How far below a folder sets are looked for: fleurs/, its data/, and there a folder for each language."""
_TEST_FILES = ("transcripts.txt", "test/transcripts.txt", "test.tsv", "covost_v2.*_*.test.tsv")
_FORMATS = (
    "Looked for a .jsonl manifest, shards (.ogg with .jsonl), LibriSpeech (*.trans.txt), MLS (transcripts.txt), "
    "Common Voice and FLEURS (test.tsv), CoVoST 2 (covost_v2.*.tsv)."
)


def load_clips(path: Path, *, language: str | None = None, limit: int | None = None) -> list[Clip]:
    """Load the clips of a manifest, of shards, or of a public set: LibriSpeech, MLS, Common Voice, FLEURS, CoVoST 2.

    `path` is a file (.jsonl, .tsv, transcripts.txt, .trans.txt) or a folder. Of a folder with splits the test split
    is loaded (of shards `valid`); of a LibriSpeech folder all that is below; a folder of such folders, one for each
    language, is loaded whole. `language` keeps one language, and says it where a set does not; `limit` keeps so many
    clips of each language and looks at no more audio. Raises ManifestError with file and line.
    """
    manifest = _manifest(path)
    if manifest is not None:
        clips = load_manifest(manifest, language=language, limit=limit)
        return clips or _none_left(path, language)
    stated = None if language is None else language_code(language)
    counts: dict[str, int] = {}
    clips = []
    for read in _readers(path, stated):
        for entry in read():
            count = counts[entry.language] = counts.get(entry.language, 0) + 1
            if stated not in (None, entry.language) or (limit is not None and count > limit):
                break
            clips.append(clip_of(entry))
    return clips or _none_left(path, stated if counts else None, sorted(counts))


def _none_left(path: Path, language: str | None, there: Sequence[str] = ()) -> list[Clip]:
    if language is None:
        raise ManifestError(f"{path} holds no clips.", "Choose another split, or fetch it again.")
    hint = f"There are: {', '.join(there)}." if there else "Choose another language."
    raise ManifestError(f"{path} holds no clips in {language}.", hint)


def _manifest(path: Path) -> Path | None:
    if path.suffix in {".jsonl", ".json"}:
        return None if is_shard(path) else path
    inside = path / "manifest.jsonl"
    return inside if inside.is_file() else None


def _readers(path: Path, language: str | None) -> list[Reader]:
    if not path.exists():
        raise ManifestError(f"{path} does not exist.", "Check the path and the spelling.")
    if path.is_dir():
        readers = _folder_readers(path, language, _DEPTH)
        if not readers:
            splits = sorted({*path.glob("*.tsv"), *path.glob("*/transcripts.txt")} - {path / DURATIONS})
            message = f"{path} holds no test split." if splits else f"{path} holds no set of clips."
            named = ", ".join(str(split.relative_to(path)) for split in splits)
            raise ManifestError(message, f"Name the file: {named}." if splits else _FORMATS)
        return readers
    if is_shard(path):
        return [partial(read_shard, path)]
    if path.name == "transcripts.txt":
        return [partial(read_mls, path, language)]
    if path.name.endswith(".trans.txt"):
        return [partial(read_librispeech, [path])]
    if path.suffix == ".tsv":
        return [_table_reader(path, language)]
    raise ManifestError(f"{path} is no set of clips.", _FORMATS)


def _folder_readers(folder: Path, language: str | None, depth: int) -> list[Reader]:
    files = [path for pattern in _TEST_FILES for path in sorted(folder.glob(pattern))]
    if len(files) > 1:
        names = " and ".join(str(path.relative_to(folder)) for path in files)
        raise ManifestError(f"{folder} holds more than one set: {names}.", "Name the file.")
    if files:
        return _readers(files[0], language)
    shards = shards_in(folder)
    if shards:
        return [partial(read_shard, shard) for shard in shards]
    chapters = find_chapters(folder)
    if chapters:
        return [partial(read_librispeech, chapters)]
    below = sorted(path for path in held_out(folder).glob("*/") if not path.name.startswith(".")) if depth else []
    return [reader for path in below for reader in _folder_readers(path, language, depth - 1)]


def _table_reader(tsv: Path, language: str | None) -> Reader:
    if is_covost_name(tsv.name):
        return partial(read_covost, tsv)
    _, line = next(read_lines(tsv), ("", ""))
    if is_fleurs_line(line):
        return partial(read_fleurs, tsv, language)
    names = line.split("\t")
    if "translation" in names:
        return partial(read_covost, tsv)
    if "path" in names or "sentence" in names:
        return partial(read_common_voice, tsv, language)
    if not line:
        raise ManifestError(f"{tsv} is empty.", "Fetch it again.")
    raise ManifestError(
        f"{tsv}, line 1: neither the column names of Common Voice nor a line of FLEURS.",
        "Looked for the columns client_id, path and sentence, or for an id and a .wav file.",
    )
