"""The bottom line: the keys that matter now, as many as fit, each of which can also be clicked."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

_ROOMY_CELLS = 100


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is written, what it does, its action; the greater `weight`, the longer it stays."""

    key: str
    label: str
    action: str
    weight: int = 1


class KeyLine(Widget):
    """Keys in their order; where there is no room the lightest are left out (`?` shows them all)."""

    COMPONENT_CLASSES = {"keys--key", "keys--label"}  # noqa: RUF012
    keys: reactive[tuple[Key, ...]] = reactive(())

    def render(self) -> Text:
        """The line as it fits."""
        keys = list(self.keys)
        gap = 3 if self.content_size.width >= _ROOMY_CELLS else 2
        while len(keys) > 1 and _length(keys, gap) > self.content_size.width:
            keys.remove(min(reversed(keys), key=lambda key: key.weight))
        line = Text(no_wrap=True, end="")
        for number, key in enumerate(keys):
            click = Style.from_meta({"@click": key.action})
            line.append(" " * gap if number else "")
            line.append(key.key, self.get_component_rich_style("keys--key", partial=True) + click)
            line.append(f" {key.label}", self.get_component_rich_style("keys--label", partial=True) + click)
        return line


def _length(keys: list[Key], gap: int) -> int:
    return sum(len(key.key) + 1 + len(key.label) for key in keys) + gap * (len(keys) - 1)
