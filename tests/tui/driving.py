"""Driving the terminal UI in tests: waiting for what it comes to, and reading what it shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from speech3n.session.live import LiveRequest
from speech3n.tui.app import LiveApp
from speech3n.tui.widgets.banner import Banner
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.error_panel import ErrorPanel
from speech3n.tui.widgets.keys import KeyLine
from speech3n.tui.widgets.status import StatusLine
from speech3n.types import Segment

AppPilot = Pilot[None]
REQUEST = LiveRequest(source="entrevista.m4a", language="es")
MICROPHONE = LiveRequest(source="mic", language="es")


async def until(pilot: AppPilot, condition: Callable[[], bool]) -> None:
    """Let the app work until `condition` holds."""
    for _ in range(400):
        await pilot.pause()
        if condition():
            return
        await pilot.pause(0.01)
    pytest.fail("it never came to that")


async def phase(pilot: AppPilot, name: str) -> None:
    app = pilot.app
    assert isinstance(app, LiveApp)
    await until(pilot, lambda: app.state.phase == name)


async def heard(pilot: AppPilot) -> None:
    """Wait until all of the script has been shown."""
    app = pilot.app
    assert isinstance(app, LiveApp)
    await until(pilot, lambda: app.query_one(StatusLine).status is not None)


def shown(app: LiveApp) -> str:
    """What is written in the caption area."""
    captions = app.query_one(Captions)
    return "\n".join(captions.render_line(y).text.rstrip() for y in range(captions.size.height))


def banner(app: LiveApp) -> str:
    widget = app.query_one(Banner)
    return str(widget.render()) if widget.display else ""


def panel(app: LiveApp) -> str:
    widget = app.query_one(ErrorPanel)
    return widget.render().plain if widget.display else ""


def keys(app: LiveApp) -> str:
    return app.query_one(KeyLine).render().plain


def numbered(count: int) -> list[object]:
    return [Segment(i, 10.0 * i, 10.0 * i + 5, f"párrafo {i} del agua", (), "es") for i in range(count)]
