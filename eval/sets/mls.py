"""Multilingual LibriSpeech: eight languages read from books.

Format: README of https://www.openslr.org/94; paper: https://arxiv.org/abs/2012.03411.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speech3n.eval.sets.entry import Entry
from speech3n.eval.sets.lines import speaker_genders
from speech3n.training.data.manifest import ManifestError, read_lines

_LANGUAGES = {
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "polish": "pl",
    "portuguese": "pt",
    "spanish": "es",
}


def read_mls(transcripts: Path, language: str | None) -> Iterator[Entry]:
    """The clips of `<split>/transcripts.txt`: an id, a tab and a text a line.

    The audio is `<split>/audio/<speaker>/<book>/<id>.flac`, or .opus; the language that of the folder above, such
    as mls_spanish or mls_spanish_opus, and else `language`. Fields: split, book, and gender (F, M) where
    metainfo.txt is beside the split. Raises ManifestError.
    """
    split = transcripts.absolute().parent
    code = _folder_language(split) or language
    if code is None:
        message = f"{transcripts}: the language is not known: no folder above is called mls_spanish or the like."
        raise ManifestError(message, "Name the language.")
    genders = speaker_genders(split.parent / "metainfo.txt")
    for where, line in read_lines(transcripts):
        name, _, text = line.partition("\t")
        parts = name.split("_")
        if len(parts) != 3 or not text.strip():
            message = f"{where}: not an id and a text."
            raise ManifestError(message, "Lines are: 10148_10119_000000, a tab, and the text.")
        speaker, book, _ = parts
        stem = transcripts.parent / "audio" / speaker / book / name
        fields = {"split": split.name, "book": book}
        if speaker in genders:
            fields["gender"] = genders[speaker]
        yield Entry(
            where=where,
            audio=(stem.with_suffix(".flac"), stem.with_suffix(".opus")),
            audio_hint="It lies in audio/<speaker>/<book>/ beside transcripts.txt, as .flac or .opus.",
            language=code,
            text=text.strip(),
            source="mls",
            speaker=speaker,
            license="CC-BY-4.0",
            fields=fields,
        )


def _folder_language(split: Path) -> str | None:
    for folder in split.parents:
        match = re.fullmatch(r"mls_([a-z]+)(_opus)?", folder.name)
        if match and match[1] in _LANGUAGES:
            return _LANGUAGES[match[1]]
    return None
