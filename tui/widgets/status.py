"""The status line: is someone speaking, how loud, how long, how far behind, with what."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from speech3n.tui.folding import clock
from speech3n.types import Status

_QUIETEST_DB = -60.0
_LOUD_DB = -6.0
_WORRYING_LAG_S = 3.0
_WORRYING_RTF = 1.0
_ROOMY_CELLS = 110
_ALL_LEFT = 4
"""Voice, time, lag, real-time factor."""


@dataclass(frozen=True, slots=True)
class About:
    """What the session is: how long its source lasts, where that is known, and what it does with which model."""

    duration_s: float | None = None
    task: str = ""
    model: str = ""


class StatusLine(Widget):
    """One line, which leaves out what matters least where there is no room."""

    COMPONENT_CLASSES = {"status--good", "status--warn", "status--quiet", "status--strong"}  # noqa: RUF012
    status: reactive[Status | None] = reactive(None)
    phase: reactive[str] = reactive("")
    """What is going on where nobody is listened to: loading, paused, finished."""
    about: reactive[About] = reactive(About())

    def render(self) -> Text:
        """The line as it fits: state and numbers on the left, task and model on the right."""
        width = self.content_size.width
        gap = 3 if width >= _ROOMY_CELLS else 2
        left, right = self._left(), self._right()
        # From what matters least: model, real-time factor, task, skipped audio, lag, time.
        while len(left) > 1 and _length(left, gap) + _length(right, gap) + gap * bool(right) > width:
            (right if len(right) == 2 or (right and len(left) < _ALL_LEFT) else left).pop()
        line = Text(" " * gap).join(left)
        end = Text(" " * gap).join(right)
        line.append(" " * max(1, width - line.cell_len - end.cell_len))
        line.append_text(end)
        line.no_wrap, line.end = True, ""
        return line

    def _left(self) -> list[Text]:
        quiet, strong, warn = self._style("quiet"), self._style("strong"), self._style("warn")
        status = self.status
        parts = [self._voice()]
        if status is None:
            return parts
        total = self.about.duration_s
        time = Text(clock(status.audio_s), strong)
        if total:
            time.append(f" / {clock(total)}", quiet)
        lag_style = warn if status.lag_s > _WORRYING_LAG_S else strong
        rtf_style = warn if status.rtf > _WORRYING_RTF else strong
        parts += [time, Text.assemble(("lag ", quiet), (f"{status.lag_s:.1f} s", lag_style))]
        if status.dropped_s:
            parts.append(Text(f"skipped {status.dropped_s:.0f} s", warn))
        parts.append(Text.assemble(("RTF ", quiet), (f"{status.rtf:.2f}", rtf_style)))
        return parts

    def _right(self) -> list[Text]:
        parts = (self.about.task, self._style("strong")), (self.about.model, self._style("quiet"))
        return [Text(text, style) for text, style in parts if text]

    def _voice(self) -> Text:
        """A dot that is full while someone speaks, and the level beside it."""
        good, quiet, warn = self._style("good"), self._style("quiet"), self._style("warn")
        status = self.status
        if self.phase:
            return Text(self.phase, warn if self.phase.startswith("Paused") else self._style("strong"))
        if status is None:
            return Text("○", quiet)
        is_roomy = self.content_size.width >= _ROOMY_CELLS
        bars = 16 if is_roomy else 8 if self.content_size.width >= 50 else 4
        text = Text("● " if status.is_speech else "○ ", good if status.is_speech else quiet)
        if is_roomy:
            text.append("speech   " if status.is_speech else "silence  ", quiet)
        share = (status.level_db - _QUIETEST_DB) / -_QUIETEST_DB
        lit = max(0, min(bars, round(share * bars)))
        text.append("━" * lit, warn if status.level_db > _LOUD_DB else good if status.is_speech else quiet)
        text.append("─" * (bars - lit), Style(dim=True) + quiet)
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}", partial=True)


def _length(parts: list[Text], gap: int) -> int:
    return sum(part.cell_len for part in parts) + gap * max(0, len(parts) - 1)
