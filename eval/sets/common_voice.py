"""Common Voice: sentences read by volunteers, a folder for each language.

Format: https://github.com/common-voice/cv-dataset, datasets/scripted-speech/README.md; paper:
https://arxiv.org/abs/1912.06670.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from speech3n.eval.sets.entry import Entry, language_code
from speech3n.eval.sets.lines import read_table
from speech3n.training.data.manifest import ManifestError

DURATIONS = "clip_durations.tsv"
_NEEDED = ("client_id", "path", "sentence")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,8})?")


def read_common_voice(tsv: Path, language: str | None) -> Iterator[Entry]:
    """The clips of `<locale>/<split>.tsv`, with the audio in `clips/` beside it.

    The language is the column `locale`, in releases that have none the folder's name, and else `language`.
    Lengths come from `clip_durations.tsv` where that is there. Fields: split, and the other columns that say
    something, such as gender, accents, locale. Raises ManifestError.
    """
    rows = read_table(tsv, _NEEDED)
    durations = read_durations(tsv.parent, (row["path"] for _, row in read_table(tsv, _NEEDED)))
    for where, row in rows:
        others = {name: value for name, value in row.items() if value and name not in _NEEDED}
        yield Entry(
            where=where,
            audio=audio_paths(tsv.parent / "clips", row["path"]),
            audio_hint="Common Voice's clips lie in clips/ beside the TSV.",
            language=language_code(row.get("locale") or _folder_locale(tsv) or language or _unknown_language(where)),
            text=row["sentence"].strip(),
            duration_s=durations.get(row["path"]),
            source="common-voice",
            speaker=row["client_id"],
            license="CC0-1.0",
            fields={"split": tsv.stem} | others,
        )


def audio_paths(folder: Path, name: str) -> tuple[Path, ...]:
    """Where a clip may be: early releases leave `.mp3` out of the TSV."""
    return folder / name, folder / f"{name}.mp3"


def read_durations(folder: Path, names: Iterable[str]) -> dict[str, float]:
    """Seconds by clip from a folder's `clip_durations.tsv`, of these clips only; empty without such a file.

    It has all clips of a language, over a million for English; releases since 16.1 have it. Raises ManifestError.
    """
    path = folder / DURATIONS
    if not path.is_file():
        return {}
    wanted = set(names)
    durations = {}
    for where, row in read_table(path, ("clip", "duration[ms]")):
        if row["clip"] not in wanted:
            continue
        if not re.fullmatch(r"\d{1,11}(\.\d{1,9})?", row["duration[ms]"]):
            message = f"{where}: the duration is {row['duration[ms]']!r}."
            raise ManifestError(
                message, "Give milliseconds, or remove the file: clips are then asked for their length."
            )
        durations[row["clip"]] = float(row["duration[ms]"]) / 1000
    return durations


def _folder_locale(tsv: Path) -> str | None:
    name = tsv.absolute().parent.name
    return name if _LOCALE.fullmatch(name) else None


def _unknown_language(where: str) -> str:
    raise ManifestError(f"{where}: the language is not known: no column locale.", "Name the language.")
