"""LibriSpeech: English read from books, a folder for each speaker and chapter.

Format: README.TXT of https://www.openslr.org/12; paper: Panayotov et al. 2015, "LibriSpeech: an ASR corpus based
on public domain audio books".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from speech3n.eval.sets.entry import Entry
from speech3n.eval.sets.lines import speaker_genders
from speech3n.training.data.manifest import ManifestError, read_lines

_DEPTH = 3
"""Folders between LibriSpeech/ and a chapter's transcript: split, speaker, chapter."""


def find_chapters(folder: Path) -> list[Path]:
    """The transcripts of all chapters in a folder: LibriSpeech/, a split, a speaker or a chapter."""
    return sorted(path for depth in range(_DEPTH + 1) for path in folder.glob("*/" * depth + "*.trans.txt"))


def read_librispeech(chapters: Sequence[Path]) -> Iterator[Entry]:
    """The clips of chapters: `<speaker>-<chapter>.trans.txt` has an id and a text a line, `<id>.flac` lies beside it.

    Fields: split, chapter, and gender (F, M) where SPEAKERS.TXT is above the split. Raises ManifestError.
    """
    genders: dict[Path, dict[str, str]] = {}
    for chapter in chapters:
        split = chapter.absolute().parent.parent.parent
        if split not in genders:
            genders[split] = speaker_genders(split.parent / "SPEAKERS.TXT")
        for where, line in read_lines(chapter):
            yield _entry(chapter.parent, where, line, split.name, genders[split])


def _entry(folder: Path, where: str, line: str, split: str, genders: dict[str, str]) -> Entry:
    name, _, text = line.partition(" ")
    parts = name.split("-")
    if len(parts) != 3 or not text.strip():
        raise ManifestError(f"{where}: not an id and a text.", "Lines are: 84-121123-0000 GO DO YOU HEAR.")
    speaker, chapter, _ = parts
    fields = {"split": split, "chapter": chapter}
    if speaker in genders:
        fields["gender"] = genders[speaker]
    return Entry(
        where=where,
        audio=(folder / f"{name}.flac",),
        audio_hint="The .flac files of a chapter lie beside its transcript.",
        language="en",
        text=text.strip(),
        source="librispeech",
        speaker=speaker,
        license="CC-BY-4.0",
        fields=fields,
    )
