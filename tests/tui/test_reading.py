"""The terminal UI for who reads: search, scrolling, selecting, copying, and saving what was said."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Checkbox, Input

from speech3n.tui.app import LiveApp
from speech3n.tui.screens.save import SaveDialog
from speech3n.tui.widgets.captions import Captions
from speech3n.tui.widgets.search_bar import SearchBar
from tests.tui.driving import REQUEST, banner, heard, numbered, phase, shown, until
from tests.tui.scripted import Stage, status, talk, update


async def test_search_finds_without_accents_and_goes_from_place_to_place() -> None:
    app = LiveApp(REQUEST, Stage([*numbered(60), status(600.0)]).backend())
    async with app.run_test(size=(80, 24)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        await pilot.press("slash", *"PARRAFO", "enter")
        assert captions.match_count == (60, 60)
        await pilot.press("n")
        assert captions.match_count == (1, 60)
        assert captions.scroll_offset.y == 0
        assert not captions.following
        await pilot.press("N", "N")
        assert captions.match_count == (59, 60)
        await pilot.press("slash", *"parrafo 30", "enter")
        assert captions.match_count == (1, 1)
        assert "párrafo 30" in shown(app)
        await pilot.press("escape")
        assert not app.query_one(SearchBar).display
        assert captions.match_count == (0, 0)
        await pilot.press("slash", *"nada de esto")
        assert "not found" in str(app.query_one("#search-count").render())
        await pilot.press("escape", "q")


async def test_what_is_found_is_highlighted_across_lines() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test(size=(80, 24)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        # "vamos a / hablar" stands at the end of one line and the beginning of the next.
        await pilot.press("slash", *"vamos a hablar", "enter")
        style = captions.get_component_rich_style("captions--current-match")
        marked = [
            run.text
            for y in range(captions.size.height)
            for run in captions.render_line(y)
            if run.style is not None and run.style.bgcolor == style.bgcolor
        ]
        assert marked == ["vamos a", "hablar"]
        await pilot.press("escape", "q")


async def test_reading_back_is_not_disturbed_and_end_follows_again() -> None:
    stage = Stage([*numbered(40), status(400.0)], after_stop=[update(40, "lo más", "nuevo", start=400.0)])
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test(size=(80, 24)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        assert captions.following
        assert "párrafo 39" in shown(app)
        captions.scroll_to(y=20, animate=False, immediate=True)
        before = shown(app)
        assert not captions.following
        assert not app.query_one("#news").display
        stage.live.feed.stop()
        await phase(pilot, "finished")
        assert app.query_one("#news").display
        assert before.startswith(shown(app))
        await pilot.press("end")
        assert captions.following
        assert not app.query_one("#news").display
        assert "lo más nuevo" in shown(app)


async def test_resizing_keeps_the_reader_in_place_and_the_follower_at_the_end() -> None:
    app = LiveApp(REQUEST, Stage([*numbered(60), status(600.0)]).backend())
    async with app.run_test(size=(80, 24)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        await pilot.resize_terminal(45, 12)
        await until(pilot, lambda: captions.size.width == 45)
        await until(pilot, lambda: "párrafo 59" in shown(app))
        captions.scroll_to(y=captions.first_line(20), animate=False, immediate=True)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "párrafo 20" in shown(app).splitlines()[0])
        await pilot.press("q")


async def test_copy_takes_the_selection_or_everything() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False)).backend())
    async with app.run_test(size=(80, 24)) as pilot:
        await heard(pilot)
        await pilot.press("c")
        assert app.clipboard.startswith("Buenos días")
        assert app.clipboard.endswith("con ella cuando por fin")
        assert "Copied everything" in banner(app)
        captions = app.query_one(Captions)
        top = captions.region.y + 1
        await pilot.mouse_down(offset=(11, top))
        await pilot.hover(offset=(22, top))
        await pilot.mouse_up(offset=(22, top))
        await pilot.press("c")
        assert app.clipboard.startswith("Buenos día")
        assert "\n" not in app.clipboard
        assert "Copied the selection" in banner(app)
        await pilot.press("q")


async def test_save_as_writes_where_it_is_told_and_asks_before_it_replaces(tmp_path: Path) -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=True)).backend())
    (tmp_path / "talk.vtt").write_text("old")
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("s")
        dialog = app.screen
        assert isinstance(dialog, SaveDialog)
        dialog.query_one("#stem", Input).value = str(tmp_path / "talk.vtt")
        dialog.query_one("#format-srt", Checkbox).value = False
        await pilot.press("enter")
        assert "talk.vtt exists" in str(dialog.query_one("#remark").render())
        assert (tmp_path / "talk.vtt").read_text() == "old"
        await pilot.press("enter")
        await until(pilot, lambda: "Saved talk.txt, talk.vtt" in banner(app))
        assert (tmp_path / "talk.vtt").read_text().startswith("WEBVTT")
        assert "Buenos días" in (tmp_path / "talk.txt").read_text()
        assert not (tmp_path / "talk.srt").exists()
        await pilot.press("q")


async def test_saving_where_nothing_can_be_written_says_so(tmp_path: Path) -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=True)).backend())
    (tmp_path / "file").write_text("in the way")
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("s")
        app.screen.query_one("#stem", Input).value = str(tmp_path / "file" / "talk")
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be written" in banner(app))
        await pilot.press("q")


async def test_save_needs_a_format() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=True)).backend())
    async with app.run_test() as pilot:
        await heard(pilot)
        await pilot.press("s")
        for box in app.screen.query(Checkbox):
            box.value = False
        await pilot.press("enter")
        assert "at least one format" in str(app.screen.query_one("#remark").render())
        await pilot.press("escape", "q")


async def test_an_update_costs_the_same_after_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last paragraph is broken into lines and only what is on screen is drawn, however much there is."""
    from speech3n.tui.folding import Frame

    app = LiveApp(REQUEST, Stage([*numbered(5000), status(50_000.0)]).backend())
    async with app.run_test(size=(100, 30)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        broken: list[object] = []
        drawn: list[int] = []
        lines, render_line = Frame.lines, captions.render_line
        monkeypatch.setattr(Frame, "lines", lambda frame, p: broken.append(p) or lines(frame, p))
        monkeypatch.setattr(captions, "render_line", lambda y: drawn.append(y) or render_line(y))
        app.state.script.update(update(5000, "hola", "mundo", start=50_001.0))
        captions.refresh_script()
        await pilot.pause()
        assert len(broken) <= 2
        assert len(drawn) <= 3 * captions.size.height
        assert "hola mundo" in shown(app)
        await pilot.press("q")
