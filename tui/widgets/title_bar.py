"""The first line: what is heard, and where it is kept."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

_GAP = 4


class TitleBar(Widget):
    """The source on the left; on the right the session's folder, where there is room for it."""

    COMPONENT_CLASSES = {"title-bar--source", "title-bar--folder"}  # noqa: RUF012
    source: reactive[str] = reactive("")
    folder: reactive[str] = reactive("")

    def render(self) -> Text:
        """The line as it fits."""
        width = self.size.width
        source = self.source if cell_len(self.source) <= width else set_cell_size(self.source, width - 1) + "…"
        line = Text(no_wrap=True)
        line.append(source, self._style("source"))
        room = width - cell_len(source) - _GAP
        folder = self.folder
        if cell_len(folder) > room:
            folder = f"…{folder[-room + 1 :]}" if room > 20 else ""
        line.append(" " * (width - cell_len(source) - cell_len(folder)))
        line.append(folder, self._style("folder"))
        return line

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"title-bar--{name}", partial=True)
