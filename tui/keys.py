"""Which keys the bottom line shows, and when."""

from __future__ import annotations

from speech3n.tui.widgets.keys import Key

_LANGUAGE = Key("l", "Language", "language", 5)
_TRANSLATE = Key("t", "Translate", "translate", 6)
_SEARCH = Key("/", "Search", "search", 4)
_SAVE = Key("s", "Save", "save", 4)
_COPY = Key("c", "Copy", "copy", 3)
_THEME = Key("d", "Theme", "theme", 2)
_LARGE = Key("b", "Large print", "large", 1)
_HELP = Key("?", "Help", "help", 7)
_QUIT = Key("q", "Quit", "quit", 9)
_READING = (_SEARCH, _SAVE, _COPY, _THEME, _LARGE, _HELP)


def keys_for(phase: str, *, searching: bool, has_devices: bool) -> tuple[Key, ...]:
    """The keys of a phase of the app, of a search, or of a failure."""
    if searching:
        return (
            Key("n", "Next", "match(1)", 8),
            Key("N", "Previous", "match(-1)", 8),
            Key("/", "Change", "search", 6),
            Key("esc", "Close", "leave", 9),
        )
    if phase == "failed":
        devices = (Key("m", "Other microphone", "devices", 8),) if has_devices else ()
        return (Key("r", "Try again", "retry", 8), *devices, _THEME, _HELP, _QUIT)
    if phase in {"listening", "paused"}:
        pause = Key("space", "Resume" if phase == "paused" else "Pause", "pause", 9)
        return (pause, _LANGUAGE, _TRANSLATE, *_READING, _QUIT)
    if phase == "loading":
        return (_THEME, _HELP, _QUIT)
    if phase == "finishing":
        return (_HELP, Key("q", "Quit now", "quit", 9))
    return (*_READING, _QUIT)
