"""The screens as pictures.

After a change on purpose look at them, then `pytest tests/tui/test_snapshots.py --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from speech3n.errors import DeviceError
from speech3n.session.live import LiveRequest
from speech3n.tui.app import LiveApp
from speech3n.tui.command import Appearance
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.status import StatusLine
from tests.tui.scripted import ScriptedSource, Stage, talk

Compare = Callable[..., bool]
BILINGUAL = LiveRequest(source="entrevista.m4a", translate=True)


def bilingual(theme: str) -> LiveApp:
    return LiveApp(BILINGUAL, Stage(talk(bilingual=True)).backend(), Appearance(theme))


def pressing(*keys: str) -> Callable[[Pilot[None]], object]:
    """Wait until everything is shown, then press keys."""

    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, LiveApp)
        while app.state.phase == "loading" or (
            app.state.phase == "listening" and app.query_one(StatusLine).status is None
        ):
            await pilot.pause(0.01)
        await pilot.press(*keys)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        captions = app.query_one(Captions)
        while captions.show_vertical_scrollbar and captions.vertical_scrollbar.position != captions.scroll_y:
            await pilot.pause(0.01)
        await pilot.pause()

    return run


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12)], ids=["80x24", "200x60", "40x12"])
def test_bilingual(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(bilingual(theme), terminal_size=size, run_before=pressing())


def test_one_language_in_large_print(snap_compare: Compare) -> None:
    request = LiveRequest(source="entrevista.m4a", language="es")
    app = LiveApp(request, Stage(talk(bilingual=False)).backend(), Appearance(large=True))
    assert snap_compare(app, terminal_size=(100, 30), run_before=pressing())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bilingual("dark"), terminal_size=size, run_before=pressing("question_mark"))


def test_search(snap_compare: Compare) -> None:
    keys = ("slash", *"the", "enter")
    assert snap_compare(bilingual("dark"), terminal_size=(120, 30), run_before=pressing(*keys))


def test_languages(snap_compare: Compare) -> None:
    assert snap_compare(bilingual("light"), terminal_size=(80, 24), run_before=pressing("l", *"ca"))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_microphone(snap_compare: Compare, theme: str) -> None:
    problem = DeviceError("No microphone was found.", "Plug in a microphone, or allow this program to use it.")
    stage = Stage([problem], source=ScriptedSource("microphone", None, True))
    app = LiveApp(LiveRequest(), stage.backend(), Appearance(theme))
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing())
