"""The top line: what is captioned, and over the columns which language stands in them."""

from __future__ import annotations

from rich.cells import set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from speech3n.tui.folding import Frame


class Heading(Widget):
    """The source's name over the text, and over the translation its language."""

    COMPONENT_CLASSES = {"heading--translation"}  # noqa: RUF012
    source: reactive[str] = reactive("")
    spoken: reactive[str] = reactive("")
    """Name of the language of the first column, empty where it needs no name."""
    target: reactive[str] = reactive("English")
    """Name of the language of the second column."""
    frame: reactive[Frame] = reactive(Frame(80))

    def render(self) -> Text:
        """The line, its words over the columns."""
        frame = self.frame
        left, width = frame.columns[0]
        name = "  ·  ".join(part for part in (self.source, self.spoken) if part)
        text = Text(" " * left + set_cell_size(name, width), no_wrap=True, end="")
        if frame.is_side_by_side:
            right, _ = frame.columns[1]
            text.append(" " * (right - left - width))
            text.append(self.target, self.get_component_rich_style("heading--translation", partial=True))
        return text
