"""The languages to choose from, by their English and their own names."""

from __future__ import annotations

from collections.abc import Collection

import langcodes

from speech3n.languages import language_name
from speech3n.tui.screens.picker import Choice, Picker


def language_picker(available: Collection[str], current: str | None) -> Picker:
    """A picker for the languages of a model (ISO 639-1 codes); `auto` comes first."""
    choices = sorted((_choice(code) for code in available), key=lambda choice: choice.label)
    return Picker("Language spoken", [Choice("auto", "Detect the language", "auto"), *choices], current or "auto")


def _choice(code: str) -> Choice:
    label = language_name(code)
    own = str(langcodes.Language.get(code).autonym())
    return Choice(code, label, own if own.casefold() != label.casefold() else "")
