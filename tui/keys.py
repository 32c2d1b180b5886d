"""Which keys the bottom line shows, and when."""

from __future__ import annotations

from speech3n.tui.widgets.keys import Key

_LANGUAGE = Key("l", "Language", "app.language", 5)
_TRANSLATE = Key("t", "Translate", "app.translate", 6)
_SEARCH = Key("/", "Search", "screen.search", 4)
_SAVE = Key("s", "Save", "app.save", 4)
_COPY = Key("c", "Copy", "screen.copy", 3)
_THEME = Key("d", "Theme", "app.theme", 2)
_LARGE = Key("b", "Large print", "screen.large", 1)
_HELP = Key("?", "Help", "screen.help", 7)
_QUIT = Key("q", "Quit", "app.quit", 9)
_READING = (_SEARCH, _SAVE, _COPY, _THEME, _LARGE, _HELP)


def keys_for(phase: str, *, searching: bool, has_devices: bool) -> tuple[Key, ...]:
    """The keys of a phase of the app, of a search, or of a failure."""
    if searching:
        return (
            Key("n", "Next", "screen.match(1)", 8),
            Key("N", "Previous", "screen.match(-1)", 8),
            Key("/", "Change", "screen.search", 6),
            Key("esc", "Close", "screen.leave", 9),
        )
    if phase == "failed":
        devices = (Key("m", "Other microphone", "app.devices", 8),) if has_devices else ()
        return (Key("r", "Try again", "app.retry", 8), *devices, _THEME, _HELP, _QUIT)
    if phase in {"listening", "paused"}:
        pause = Key("space", "Resume" if phase == "paused" else "Pause", "app.pause", 9)
        return (pause, _LANGUAGE, _TRANSLATE, *_READING, _QUIT)
    if phase == "loading":
        return (_THEME, _HELP, _QUIT)
    if phase == "finishing":
        return (_HELP, Key("q", "Quit now", "app.quit", 9))
    return (*_READING, _QUIT)
