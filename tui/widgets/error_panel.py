"""What went wrong, why, and what to do about it: the panel in place of captions that cannot be made."""

from __future__ import annotations

import re

from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from speech3n.tui.failures import Problem

_COMMAND = re.compile(r"`([^`]+)`")


class ErrorPanel(Static):
    """Title, message, hint; commands in it stand out."""

    COMPONENT_CLASSES = {"error--title", "error--quiet", "error--command"}  # noqa: RUF012
    problem: reactive[Problem | None] = reactive(None, layout=True)

    def render(self) -> Text:
        """The problem as a short text."""
        problem = self.problem
        if problem is None:
            return Text()
        text = Text.assemble((problem.title, self.get_component_rich_style("error--title", partial=True)), "\n\n")
        text.append(problem.message)
        if problem.hint:
            text.append("\n\n").append_text(self._with_commands(problem.hint))
        if problem.kept:
            text.append(f"\n\n{problem.kept}", self.get_component_rich_style("error--quiet", partial=True))
        return text

    def _with_commands(self, hint: str) -> Text:
        text = Text()
        for index, part in enumerate(_COMMAND.split(hint)):
            text.append(part, self.get_component_rich_style("error--command", partial=True) if index % 2 else "")
        return text

    def watch_problem(self, problem: Problem | None) -> None:
        """Show or hide."""
        self.set_class(problem is not None, "-shown")
