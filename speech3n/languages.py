"""Language names and codes as people write them: `es`, `es-MX`, `Spanish`, `spanish`."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import langcodes
from langcodes.language_lists import CLDR_LANGUAGES

from speech3n.errors import UsageError

_LONGEST_NAME = 100


def parse_language(text: str | None, available: Collection[str]) -> str | None:
    """Turn a code or an English name into one of `available` (ISO 639-1 codes).

    `auto` gives None, as None does: a language to be detected. Raises UsageError with the nearest valid name where the
    language is unknown.
    """
    wanted = (text or "auto").strip().lower()
    if wanted in {"", "auto"}:
        return None
    code = wanted.replace("_", "-").split("-")[0]
    if len(wanted) > _LONGEST_NAME:
        raise UsageError(f"Unknown language '{text}'.", "Use a code such as es, fr, it, pt or en.")
    if code not in available:
        try:
            code = langcodes.find(wanted).language or ""
        except (LookupError, ValueError):
            code = ""
    if code in available:
        return code
    names = {language_name(known).lower(): known for known in available}
    near = difflib.get_close_matches(wanted, [*available, *names], n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Use a code such as es, fr, it, pt or en."
    raise UsageError(f"Unknown language '{text}'.", hint)


def parse_target_language(text: str) -> str:
    """The ISO 639-1 code of the language to translate to, from a code or an English name.

    Which languages an engine translates to is another question. Raises UsageError as `parse_language` does.
    """
    code = parse_language(text, frozenset(code for code in CLDR_LANGUAGES if len(code) == 2))
    if code is None:
        raise UsageError("The language to translate to cannot be detected.", "Name it: a code such as en, or a name.")
    return code


def language_name(code: str) -> str:
    """The English name of a language code, such as `Spanish` for `es`; what is no code is its own name."""
    try:
        return str(langcodes.Language.get(code).display_name())
    except ValueError:
        return code
