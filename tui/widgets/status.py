"""The status line: is someone speaking, how loud, how long, how far behind; on the right which language and model."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from speech3n.types import Status
from tui.widgets.paragraphs import clock

_METER_CELLS = 8
_QUIETEST_DB = -60.0
_CLIPPING_DB = -3.0
_WORRYING_LAG_S = 3.0
_GAP = "   "


@dataclass(frozen=True, slots=True)
class _Part:
    """Something to show, and how early it goes where there is no room."""

    text: Text
    dispensable: int
    is_right: bool = False


class StatusLine(Widget):
    """One line, which leaves out what is least important where there is no room."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"status--good", "status--warn", "status--quiet", "status--strong", "status--off"}  # noqa: RUF012
    status: reactive[Status | None] = reactive(None)
    phase: reactive[str] = reactive("")
    """What is going on when nobody is listened to: loading, paused, finishing, finished."""
    spoken: reactive[str] = reactive("")
    """Languages: from which, to which."""
    model: reactive[str] = reactive("")

    def render(self) -> Text:
        """The line as it fits."""
        parts = self._parts()
        while len(parts) > 1 and _cells(parts) > self.size.width:
            parts.remove(max(parts, key=lambda part: part.dispensable))
        line = Text(_GAP).join(part.text for part in parts if not part.is_right)
        end = Text(_GAP).join(part.text for part in parts if part.is_right)
        line.append(" " * (self.size.width - line.cell_len - end.cell_len))
        line.append_text(end)
        line.no_wrap = True
        return line

    def _parts(self) -> list[_Part]:
        """Everything there is to show, in the order in which it stands."""
        strong, quiet, warn = self._style("strong"), self._style("quiet"), self._style("warn")
        status = self.status
        parts = [_Part(self._voice(status), 0)]
        if status is not None:
            lag = f"{status.lag_s:.1f} s"
            parts += [
                _Part(Text(f"{clock(status.audio_s):>5}", strong), 1),
                _Part(Text.assemble(("lag ", quiet), (lag, warn if status.lag_s > _WORRYING_LAG_S else strong)), 3),
                _Part(Text.assemble(("RTF ", quiet), (f"{status.rtf:.2f}", strong)), 6),
            ]
            if status.dropped_s:
                parts.append(_Part(Text(f"skipped {status.dropped_s:.0f} s", warn), 4))
        parts.append(_Part(Text(self.spoken, strong), 2, is_right=True))
        parts.append(_Part(Text(self.model, quiet), 5, is_right=True))
        return [part for part in parts if part.text]

    def _voice(self, status: Status | None) -> Text:
        """A dot that is filled while someone speaks, and the level in dB as a line; else what is going on."""
        if self.phase or status is None:
            return Text(f"○ {self.phase}".rstrip(), self._style("warn" if self.phase == "paused" else "quiet"))
        name = "good" if status.is_speech else "quiet"
        text = Text("● " if status.is_speech else "○ ", self._style(name))
        share = (status.level_db - _QUIETEST_DB) / -_QUIETEST_DB
        lit = max(0, min(_METER_CELLS, round(share * _METER_CELLS)))
        text.append("━" * lit, self._style("warn" if status.level_db > _CLIPPING_DB else name))
        text.append("━" * (_METER_CELLS - lit), self._style("off"))
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}", partial=True)


def _cells(parts: list[_Part]) -> int:
    return sum(part.text.cell_len + len(_GAP) for part in parts) - len(_GAP)
