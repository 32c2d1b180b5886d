"""FLEURS: sentences of FLORES read in 102 languages.

Format: https://huggingface.co/datasets/google/fleurs, fleurs.py; paper: https://arxiv.org/abs/2205.12446.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speech3n.eval.sets.entry import Entry, language_code
from speech3n.training.data.manifest import ManifestError, read_lines

_COLUMNS = 7
"""id, file name, raw transcription, transcription, characters, samples, gender; no line names them."""
_MOST_DIGITS = 11
_RATE_HZ = 16_000
_FOLDER = re.compile(r"[a-z]{2,3}(_[a-z0-9]{2,4})+")


def is_fleurs_line(line: str) -> bool:
    """Whether a TSV file begins as FLEURS does: with an id and a .wav file, not with column names."""
    cells = line.split("\t")
    return len(cells) > 1 and cells[0].isdecimal() and cells[1].endswith(".wav")


def read_fleurs(tsv: Path, language: str | None) -> Iterator[Entry]:
    """The clips of `<lang_region>/<split>.tsv`, with the audio in `audio/<split>/` beside it, unpacked.

    The raw transcription, with case and punctuation, is the reference. The language is the folder's name, such
    as es_419, and else `language`. Speakers are not told apart. Fields: split, id (that of the sentence: the same
    in all languages), gender, and locale, the folder's name. Raises ManifestError.
    """
    folder = tsv.absolute().parent.name
    locale = folder if _FOLDER.fullmatch(folder) else None
    code = locale or language
    if code is None:
        message = f"{tsv}: the language is not known: its folder is not called es_419 or the like."
        raise ManifestError(message, "Name the language.")
    for where, line in read_lines(tsv):
        cells = line.split("\t")
        if len(cells) != _COLUMNS:
            raise ManifestError(f"{where}: {len(cells)} columns, FLEURS has {_COLUMNS}.", "Fetch the file again.")
        number, name, text, _, _, samples, gender = cells
        if not samples.isdecimal() or len(samples) > _MOST_DIGITS or int(samples) == 0:
            message = f"{where}: the number of samples is {samples!r}."
            raise ManifestError(message, "The column before the last counts samples at 16 kHz.")
        fields = {"split": tsv.stem, "id": number, "gender": gender} | ({"locale": locale} if locale else {})
        yield Entry(
            where=where,
            audio=(tsv.parent / "audio" / tsv.stem / name,),
            audio_hint=f"Unpack audio/{tsv.stem}.tar.gz in its folder.",
            language=language_code(code),
            text=text.strip(),
            duration_s=int(samples) / _RATE_HZ,
            source="fleurs",
            license="CC-BY-4.0",
            fields=fields,
        )
