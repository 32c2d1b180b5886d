"""The last line: the keys, as many as there is room for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

_GAP = 2


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key, what it does, the app's action for the mouse, and how early it goes where there is no room."""

    key: str
    label: str
    action: str
    dispensable: int = 0

    @property
    def width(self) -> int:
        """Cells of key and label."""
        return len(self.key) + 1 + len(self.label)


KEYS = (
    KeyHint("space", "Pause", "pause", 1),
    KeyHint("l", "Language", "language", 4),
    KeyHint("t", "Translate", "translate", 3),
    KeyHint("/", "Search", "search", 5),
    KeyHint("c", "Copy", "copy", 6),
    KeyHint("s", "Save", "save", 2),
    KeyHint("d", "Theme", "theme", 7),
    KeyHint("?", "Help", "help"),
    KeyHint("q", "Quit", "quit"),
)


class KeyBar(Widget):
    """Keys in a fixed order; a click does what the key does."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"key-bar--key", "key-bar--label"}  # noqa: RUF012
    is_paused: reactive[bool] = reactive(False)

    def render(self) -> Text:
        """The hints that fit."""
        key_style = self.get_component_rich_style("key-bar--key", partial=True)
        label_style = self.get_component_rich_style("key-bar--label", partial=True)
        hints = [Text.assemble((hint.key, key_style), (f" {hint.label}", label_style)) for hint in self._shown()]
        line = Text(" " * _GAP).join(hints)
        line.no_wrap = True
        return line

    async def on_click(self, event: events.Click) -> None:
        """Do what stands there."""
        position = event.x - self.styles.padding.left
        for hint in self._shown():
            if 0 <= position < hint.width:
                await self.app.run_action(hint.action)
            position -= hint.width + _GAP

    def _shown(self) -> tuple[KeyHint, ...]:
        hints = (replace(KEYS[0], label="Resume"), *KEYS[1:]) if self.is_paused else KEYS
        return fitting(hints, self.size.width)


def fitting(hints: tuple[KeyHint, ...], width: int) -> tuple[KeyHint, ...]:
    """Leave out the most dispensable hints until the others fit into `width` cells."""
    while len(hints) > 1 and _width(hints) > width:
        worst = max(hints, key=lambda hint: hint.dispensable)
        hints = tuple(hint for hint in hints if hint is not worst)
    return hints


def _width(hints: tuple[KeyHint, ...]) -> int:
    return sum(hint.width + _GAP for hint in hints) - _GAP
