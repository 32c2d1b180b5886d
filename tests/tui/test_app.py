"""The terminal UI, driven by keys as a person would, on a session that says what the test wants."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual.widgets import OptionList

from speech3n.tui.app import LiveApp
from speech3n.tui.screens.help import HelpScreen
from speech3n.tui.screens.picker import Picker
from speech3n.tui.themes import THEMES
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.heading import Heading
from speech3n.tui.widgets.keys import KeyLine
from speech3n.tui.widgets.status import StatusLine
from speech3n.types import ModelSize, Segment
from tests.tui.driving import REQUEST, banner, heard, keys, phase, shown, until
from tests.tui.scripted import Stage, status, talk


async def test_captions_appear_committed_and_tentative_with_their_translation() -> None:
    app = LiveApp(replace(REQUEST, translate=True), Stage(talk(bilingual=True)).backend())
    async with app.run_test(size=(160, 40)) as pilot:
        await heard(pilot)
        lines = shown(app).splitlines()
        live = next(line for line in lines if "La segunda" in line)
        assert "hacemos con ella cuando por fin" in live
        assert "The second is what we do with it when" in live
        assert not app.query_one("#welcome").display
        await pilot.press("q")


async def test_before_anyone_speaks_it_says_what_it_is_doing() -> None:
    loaded = threading.Event()
    stage = Stage([status(1.0)], load=lambda: assert_set(loaded))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        assert "Loading whisper-base" in str(app.query_one("#welcome").render())
        assert "Loading whisper-base" in app.query_one(StatusLine).render().plain
        loaded.set()
        await phase(pilot, "listening")
        assert "Listening" in str(app.query_one("#welcome").render())
        await pilot.press("q")


def assert_set(event: threading.Event) -> None:
    assert event.wait(30)


async def test_the_status_line_says_how_it_goes() -> None:
    app = LiveApp(replace(REQUEST, language=None, translate=True), Stage(talk(bilingual=True)).backend())
    async with app.run_test(size=(120, 30)) as pilot:
        await heard(pilot)
        line = app.query_one(StatusLine).render().plain
        for part in ("● speech", "━", "12:34 / 1:00:00", "lag 0.4 s", "RTF 0.21", "Spanish (auto) → English"):
            assert part in line
        assert "whisper-base" in line
        app.query_one(StatusLine).status = status(754.0, is_speech=False, level_db=-96.0, dropped_s=12.0)
        line = app.query_one(StatusLine).render().plain
        assert "○ silence" in line
        assert "━" not in line
        assert "skipped 12 s" in line
        await pilot.press("q")


async def test_the_status_line_says_at_which_size_an_elastic_model_goes_on() -> None:
    sizes = [ModelSize("e4b"), ModelSize("e2b", 20.0, 23.0, 1.9)]
    app = LiveApp(REQUEST, Stage([*sizes, *talk(bilingual=False)]).backend())
    async with app.run_test(size=(120, 30)) as pilot:
        await heard(pilot)
        line = app.query_one(StatusLine).render().plain
        assert "whisper-base at e2b" in line
        await pilot.press("q")


async def test_a_narrow_status_line_keeps_what_matters_most() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test(size=(40, 12)) as pilot:
        await heard(pilot)
        line = app.query_one(StatusLine).render().plain
        assert len(line) <= 36
        assert "●" in line
        assert "12:34" in line
        await pilot.press("q")


@pytest.mark.parametrize("key", ["space", "p"])
async def test_pause_and_resume(key: str) -> None:
    stage = Stage(talk(bilingual=False))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press(key)
        assert stage.live.feed.paused
        assert "Paused" in app.query_one(StatusLine).render().plain
        assert "Resume" in keys(app)
        await pilot.press(key)
        assert not stage.live.feed.paused
        assert "Pause" in keys(app)
        await pilot.press("q")


async def test_language_is_chosen_by_typing_its_name() -> None:
    stage = Stage(talk(bilingual=False))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("l")
        assert isinstance(app.screen, Picker)
        assert app.screen.query_one(OptionList).option_count == 13
        await pilot.press(*"francais")
        await pilot.press("enter")
        assert stage.session.configured == [("fr", False)]
        assert "French" in app.query_one(StatusLine).render().plain
        await pilot.press("l", *"auto", "enter")
        assert stage.session.configured[-1] == (None, False)
        await pilot.press("l", "down", "escape")
        assert len(stage.session.configured) == 2
        await pilot.press("q")


async def test_translation_is_switched_and_gets_its_column() -> None:
    stage = Stage(talk(bilingual=False))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test(size=(120, 30)) as pilot:
        await heard(pilot)
        assert not app.query_one(Captions).frame.is_side_by_side
        await pilot.press("t")
        assert stage.session.configured == [("es", True)]
        assert app.query_one(Captions).frame.is_side_by_side
        assert "→ English" in app.query_one(StatusLine).render().plain
        await pilot.press("t")
        assert stage.session.configured[-1] == ("es", False)
        await pilot.press("q")


async def test_the_language_to_translate_to_is_named() -> None:
    stage = Stage(talk(bilingual=True))
    app = LiveApp(replace(REQUEST, translate=True, to="german"), stage.backend())
    async with app.run_test(size=(120, 40)) as pilot:
        await heard(pilot)
        assert "→ German" in app.query_one(StatusLine).render().plain
        assert "German" in app.query_one(Heading).render().plain


async def test_a_model_that_does_not_translate_to_that_language_says_so() -> None:
    stage = Stage(talk(bilingual=False))
    app = LiveApp(replace(REQUEST, to="german"), stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("t")
        assert "translates to English only, not to German" in banner(app)
        assert stage.session.configured == []


async def test_a_model_that_cannot_translate_says_so() -> None:
    stage = Stage(talk(bilingual=False), tasks=("transcribe",))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("t")
        assert "cannot translate" in banner(app)
        assert stage.session.configured == []
        await pilot.press("q")


@pytest.mark.parametrize("key", ["d", "ctrl+t"])
async def test_themes_go_round(key: str) -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        seen = []
        for _ in THEMES:
            seen.append(app.theme)
            await pilot.press(key)
        assert seen == ["dark", "light", "contrast"]
        assert app.theme == "dark"
        await pilot.press("q")


async def test_large_print() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        height = captions.virtual_size.height
        await pilot.press("b")
        assert captions.virtual_size.height > 1.5 * height
        assert captions.get_component_rich_style("captions--committed").bold
        await pilot.press("b", "q")


async def test_help_opens_and_closes() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("q")
        assert not isinstance(app.screen, HelpScreen)
        await pilot.press("q")


async def test_keys_can_be_clicked() -> None:
    stage = Stage(talk(bilingual=False))
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.click(KeyLine, offset=(4, 0))
        await pilot.pause()
        assert stage.live.feed.paused
        await pilot.press("q")


async def test_q_finishes_the_running_segment_saves_and_says_where() -> None:
    last = Segment(6, 748.0, 755.0, "La segunda es lo que hacemos con ella.", (), "es")
    stage = Stage(talk(bilingual=False), after_stop=[last])
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert stage.live.segments[-1] == last
    assert stage.live.journal.closed  # type: ignore[attr-defined]
    assert "2026-03-01_10-00-00" in app.farewell[0]
    assert app.failure is None


async def test_a_second_q_leaves_out_what_is_not_recognised_yet() -> None:
    going_on = threading.Event()
    backlog = [Segment(10 + i, 800.0 + i, 801.0 + i, "más", (), "es") for i in range(50)]
    stage = Stage(talk(bilingual=False), after_stop=backlog)  # type: ignore[arg-type]
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        stage.live.feed.stop = lambda: None  # type: ignore[method-assign]
        await pilot.press("q")
        assert "Finishing" in app.query_one(StatusLine).render().plain
        await pilot.press("q")
        stage.live.feed.stopped.set()  # type: ignore[attr-defined]
        await until(pilot, lambda: not app.is_running)
    assert len(stage.live.segments) < 10
    assert not going_on.is_set()


async def test_a_file_that_ends_stays_to_be_read() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False), hold=False).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "finished")
        assert "Finished" in app.query_one(StatusLine).render().plain
        assert "2026-03-01_10-00-00" in banner(app)
        assert "Pause" not in keys(app)
        await pilot.press("slash", *"valle", "escape", "q")
    assert app.failure is None


async def test_a_file_without_speech_says_so() -> None:
    app = LiveApp(REQUEST, Stage([status(3.0)], hold=False).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "finished")
        assert "No speech was heard" in str(app.query_one("#welcome").render())
        await pilot.press("q")
