"""The colours of the UI: dark, light and high contrast.

Text has a contrast of at least 4.5 : 1 against its background, tentative text and time stamps too, and in the high
contrast theme of at least 7 : 1 (WCAG 2.2, AA and AAA).
"""

from __future__ import annotations

from textual.theme import Theme


def _theme(name: str, colours: dict[str, str], *, dark: bool) -> Theme:
    own = ("tentative", "quiet", "translation", "now", "rule")
    return Theme(
        name,
        dark=dark,
        primary=colours["now"],
        accent=colours["now"],
        secondary=colours["translation"],
        success=colours["voice"],
        warning=colours["warning"],
        error=colours["error"],
        foreground=colours["text"],
        background=colours["page"],
        surface=colours["bar"],
        panel=colours["panel"],
        variables={
            **{key: colours[key] for key in own},
            "block-cursor-background": colours["panel"],
            "block-cursor-foreground": colours["text"],
            "block-cursor-text-style": "bold",
            "input-cursor-background": colours["text"],
            "border": colours["rule"],
            "border-blurred": colours["rule"],
            "screen-selection-background": colours["selection"],
        },
    )


DARK = _theme(
    "dark",
    {
        "page": "#14171b",
        "bar": "#1b1f25",
        "panel": "#2a3038",
        "rule": "#3a424c",
        "text": "#e8e5de",
        "tentative": "#9aa2ad",
        "quiet": "#848d99",
        "translation": "#a3c9e6",
        "now": "#e3b567",
        "voice": "#86c98f",
        "warning": "#e8b25c",
        "error": "#f0918a",
        "selection": "#3d4b5e",
    },
    dark=True,
)
LIGHT = _theme(
    "light",
    {
        "page": "#faf8f3",
        "bar": "#f0ede5",
        "panel": "#e2ded3",
        "rule": "#cbc6b9",
        "text": "#22252a",
        "tentative": "#62686f",
        "quiet": "#696e75",
        "translation": "#1f5a86",
        "now": "#8a5500",
        "voice": "#2a7040",
        "warning": "#8f5200",
        "error": "#b3261e",
        "selection": "#c9dcec",
    },
    dark=False,
)
CONTRAST = _theme(
    "contrast",
    {
        "page": "#000000",
        "bar": "#000000",
        "panel": "#3a3a3a",
        "rule": "#ffffff",
        "text": "#ffffff",
        "tentative": "#c8c8c8",
        "quiet": "#d0d0d0",
        "translation": "#7fe0ff",
        "now": "#ffe14d",
        "voice": "#5cff8d",
        "warning": "#ffd24d",
        "error": "#ff9d94",
        "selection": "#005f87",
    },
    dark=True,
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST)}
