"""A line or two that a person should read while captions go on: device lost, disk full, saved."""

from __future__ import annotations

from textual.timer import Timer
from textual.widgets import Static

from speech3n.types import Notice

_INFORMATION_S = 8.0
_SIGNS = {"information": "✓", "warning": "!", "error": "✗"}


class Banner(Static):
    """Shows the newest notice; information leaves by itself, the rest when it is over or dismissed."""

    def __init__(self) -> None:
        super().__init__(id="banner", markup=False)
        self._timer: Timer | None = None

    def show(self, notice: Notice, *, stays: bool = False) -> None:
        """Show a notice; information goes away by itself unless it `stays`."""
        self._stop_timer()
        severity = notice.severity if notice.severity in _SIGNS else "warning"
        for name in _SIGNS:
            self.set_class(name == severity, f"-{name}")
        self.update(f"{_SIGNS[severity]} {notice.message} {notice.hint}".strip())
        self.add_class("-shown")
        if severity == "information" and not stays:
            self._timer = self.set_timer(_INFORMATION_S, self.dismiss)

    def dismiss(self) -> None:
        """Take the notice away."""
        self._stop_timer()
        self.remove_class("-shown")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
