"""Write a report to a folder: all of it or nothing."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from speech3n.errors import StorageError
from speech3n.eval.report.document import REPORT_JSON, Report, encode_report
from speech3n.eval.report.markdown import markdown_document
from speech3n.eval.report.page import render_page

REPORT_MD = "report.md"
REPORT_HTML = "index.html"


def write_report(report: Report, folder: Path, clip_audio: Mapping[str, Path]) -> Path:
    """Write `report.json`, `report.md` and `index.html`, replacing an earlier report only when all three are whole.

    `clip_audio` has the sound file of each clip by id; clips that are not in it, or can't be read, stay without
    sound. Returns the path of the page. Raises StorageError where the folder can't be written.
    """
    contents = {
        REPORT_JSON: encode_report(report),
        REPORT_MD: markdown_document(report).encode(errors="backslashreplace"),
        REPORT_HTML: render_page(report, clip_audio).encode(errors="backslashreplace"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace_all(folder, contents)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"The report cannot be written to {folder}: {reason}.", _hint(error)) from error
    return folder / REPORT_HTML


def _replace_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write all drafts before any of them takes its place."""
    mark = secrets.token_hex(8)
    drafts = {folder / name: folder / f".{name}-{mark}.tmp" for name in contents}
    try:
        for path, draft in drafts.items():
            with draft.open("xb") as file:
                file.write(contents[path.name])
                file.flush()
                os.fsync(file.fileno())
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _hint(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Free some space, or choose a folder on another disk with --report."
    return "Choose a folder that you may write to with --report."
