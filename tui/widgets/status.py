"""The status line: is someone speaking, how loud, how long, how far behind, what with."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from speech3n.types import Status
from tui.widgets.paragraphs import clock

_BARS = 8
_QUIETEST_DB = -60.0
_LOUD_DB = -6.0
_WORRYING_LAG_S = 3.0


class StatusLine(Widget):
    """One line, which leaves out what is least important where there is no room."""

    COMPONENT_CLASSES = {"status--good", "status--warn", "status--quiet", "status--strong"}  # noqa: RUF012
    status: reactive[Status | None] = reactive(None)
    phase: reactive[str] = reactive("")
    """What is going on when nobody can speak yet or any more: loading, paused, finished."""
    about: reactive[str] = reactive("")
    """Languages and model."""

    def render(self) -> Text:
        """The line as it fits."""
        quiet, strong = self._style("quiet"), self._style("strong")
        status = self.status
        parts: list[Text] = [self._voice(status)]
        if status is not None:
            parts.append(Text(clock(status.audio_s), strong))
            lag = Text("lag ", quiet)
            lag.append(f"{status.lag_s:.1f} s", self._style("warn") if status.lag_s > _WORRYING_LAG_S else strong)
            parts.append(lag)
            parts.append(Text.assemble(("RTF ", quiet), (f"{status.rtf:.2f}", strong)))
            if status.dropped_s:
                parts.append(Text(f"skipped {status.dropped_s:.0f} s", self._style("warn")))
        parts.append(Text(self.about, quiet))
        line = Text("  ").join(parts)
        while line.cell_len > self.size.width and len(parts) > 1:
            parts.pop()
            line = Text("  ").join(parts)
        line.no_wrap = True
        return line

    def _voice(self, status: Status | None) -> Text:
        """A dot that is lit while someone speaks, and the level."""
        if self.phase:
            return Text(f"○ {self.phase}", self._style("warn" if self.phase == "paused" else "quiet"))
        if status is None:
            return Text("○", self._style("quiet"))
        speaking = status.is_speech
        text = Text("● " if speaking else "○ ", self._style("good" if speaking else "quiet"))
        share = (status.level_db - _QUIETEST_DB) / -_QUIETEST_DB
        lit = max(0, min(_BARS, round(share * _BARS)))
        text.append("▮" * lit, self._style("warn" if status.level_db > _LOUD_DB else "good"))
        text.append("▯" * (_BARS - lit), self._style("quiet"))
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}", partial=True)
