"""The looks of the UI: dark, light, and high contrast; each names the colours of captions for the style sheet."""

from __future__ import annotations

from textual.theme import Theme

_DARK = {
    "caption": "#e8e6e1",
    "caption-tentative": "#98a2ad",
    "caption-translation": "#a3cfae",
    "caption-translation-tentative": "#7d9c86",
    "caption-time": "#6f7b87",
    "quiet": "#8d98a3",
    "rule": "#2b3138",
}
_LIGHT = {
    "caption": "#1c1b1a",
    "caption-tentative": "#6b665e",
    "caption-translation": "#1d5e40",
    "caption-translation-tentative": "#557c68",
    "caption-time": "#837d73",
    "quiet": "#68635b",
    "rule": "#dedacf",
}
_CONTRAST = {
    "caption": "#ffffff",
    "caption-tentative": "#c8c8c8",
    "caption-translation": "#ffff5f",
    "caption-translation-tentative": "#d0d070",
    "caption-time": "#b0b0b0",
    "quiet": "#e0e0e0",
    "rule": "#5f5f5f",
}

THEMES = (
    Theme(
        name="dark",
        primary="#7aa7d2",
        secondary="#a3cfae",
        success="#8cc49a",
        warning="#e3b868",
        error="#e08790",
        background="#14171a",
        surface="#1c2024",
        panel="#252b31",
        foreground="#e8e6e1",
        variables=_DARK,
    ),
    Theme(
        name="light",
        primary="#2a5d8c",
        secondary="#1d5e40",
        success="#2a7d42",
        warning="#8f5f00",
        error="#b0281f",
        background="#fbfaf7",
        surface="#f1efe9",
        panel="#e6e3da",
        foreground="#1c1b1a",
        dark=False,
        variables=_LIGHT,
    ),
    Theme(
        name="high contrast",
        primary="#5fd7ff",
        secondary="#ffff5f",
        success="#5fff87",
        warning="#ffaf00",
        error="#ff8787",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        foreground="#ffffff",
        variables=_CONTRAST,
    ),
)
DEFAULT_VARIABLES = _DARK
"""What the style sheet is first read with."""
