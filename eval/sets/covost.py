"""CoVoST 2: translations of Common Voice, from 21 languages into English and from English into 15.

Format: https://github.com/facebookresearch/covost, get_covost_splits.py; paper: https://arxiv.org/abs/2007.10310.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speech3n.eval.sets.common_voice import audio_paths, read_durations
from speech3n.eval.sets.entry import Entry, language_code
from speech3n.eval.sets.lines import read_table
from speech3n.training.data.manifest import ManifestError

_NEEDED = ("path", "sentence", "translation", "client_id")
_NAME = re.compile(r"covost_v2\.([A-Za-z-]+)_([A-Za-z-]+)\.(train|dev|test)\.tsv")


def is_covost_name(name: str) -> bool:
    """Whether a file is called as CoVoST's script calls it: covost_v2.es_en.test.tsv."""
    return _NAME.fullmatch(name) is not None


def read_covost(tsv: Path) -> Iterator[Entry]:
    """The clips of `covost_v2.<source>_<target>.<split>.tsv`, named so by CoVoST's script.

    The audio is that of Common Voice: in `clips/` or `<source>/clips/` beside the TSV, or right beside it. Only
    translations into English are kept. Fields: split. Raises ManifestError.
    """
    match = _NAME.fullmatch(tsv.name)
    if match is None:
        message = f"{tsv}: the name does not tell the languages."
        raise ManifestError(message, "Call it covost_v2.<source>_<target>.<split>.tsv.")
    source, target, split = match.groups()
    corpora = (tsv.parent, tsv.parent / source)
    corpus = next((folder for folder in corpora if (folder / "clips").is_dir()), tsv.parent)
    durations = read_durations(corpus, (row["path"] for _, row in read_table(tsv, _NEEDED)))
    for where, row in read_table(tsv, _NEEDED):
        yield Entry(
            where=where,
            audio=(*audio_paths(corpus / "clips", row["path"]), *audio_paths(tsv.parent, row["path"])),
            audio_hint=f"Common Voice's clips lie in clips/ or {source}/clips/ beside the TSV.",
            language=language_code(source),
            text=row["sentence"].strip(),
            duration_s=durations.get(row["path"]),
            translation_en=(row["translation"].strip() or None) if target == "en" else None,
            source="covost2",
            speaker=row["client_id"],
            license="CC0-1.0",
            fields={"split": split},
        )
