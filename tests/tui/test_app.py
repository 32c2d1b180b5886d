"""The terminal UI, driven by keys as a person would, on a session that says what the test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scripted import ScriptedSource, Stage, status, talk, update
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, OptionList

from speech3n.errors import AudioError, DeviceError, EngineError, ModelError, UsageError
from speech3n.types import Gap, ModelSize, Notice, Segment
from tui.app import LiveApp
from tui.live import LiveRequest
from tui.screens.help import HelpScreen
from tui.screens.picker import Picker
from tui.screens.save import SaveDialog
from tui.themes import THEMES
from tui.widgets.banner import Banner
from tui.widgets.captions import Captions
from tui.widgets.error_panel import ErrorPanel
from tui.widgets.heading import Heading
from tui.widgets.keys import KeyLine
from tui.widgets.search_bar import SearchBar
from tui.widgets.status import StatusLine

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
    await until(pilot, lambda: app._phase == name)


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
    app = LiveApp(replace(REQUEST, language="auto", translate=True), Stage(talk(bilingual=True)).backend())
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
        captions.scroll_to(y=captions._top(20), animate=False, immediate=True)
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


async def test_notices_are_shown_until_they_are_over() -> None:
    lost = Notice("The microphone was lost.", "Plug it in again.", "error")
    app = LiveApp(MICROPHONE, Stage([*talk(bilingual=False), lost]).backend())
    async with app.run_test() as pilot:
        await until(pilot, lambda: "The microphone was lost. Plug it in again." in banner(app))
        assert app.query_one(Banner).has_class("-error")
        await pilot.press("escape")
        assert banner(app) == ""
        await pilot.press("q")


async def test_skipped_sound_is_never_silent() -> None:
    app = LiveApp(MICROPHONE, Stage([*talk(bilingual=False), Gap(100.0, 112.0)]).backend())
    async with app.run_test() as pilot:
        await until(pilot, lambda: "12 s of sound were skipped" in banner(app))
        await pilot.press("q")


async def test_no_microphone_then_another_one() -> None:
    stage = Stage([DeviceError("No microphone was found.", "Plug one in.")], source=ScriptedSource("mic", None, True))
    app = LiveApp(MICROPHONE, stage.backend())
    async with app.run_test() as pilot:
        await phase(pilot, "failed")
        assert "No microphone was found." in panel(app)
        assert "Plug one in." in panel(app)
        assert "Try again" in keys(app)
        stage.script = talk(bilingual=False)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        await pilot.press(*"usb", "enter")
        await heard(pilot)
        assert stage.requests[-1].device == "USB Podcast Mic"
        assert panel(app) == ""
        assert "La segunda" in shown(app)
        await pilot.press("q")
    assert app.failure is None


async def test_looking_for_microphones_can_fail_too() -> None:
    stage = Stage(
        [DeviceError("No microphone was found.")], devices=DeviceError("PortAudio is not here.", "Install it.")
    )
    app = LiveApp(MICROPHONE, stage.backend())
    async with app.run_test() as pilot:
        await phase(pilot, "failed")
        await pilot.press("m")
        await until(pilot, lambda: "PortAudio is not here." in panel(app))
        await pilot.press("q")


async def test_a_missing_model_names_the_command_and_can_be_retried() -> None:
    problems = [ModelError("The model whisper-base is not there.", "Run `speech3n models pull whisper-base`.")]

    def load() -> None:
        if problems:
            raise problems.pop()

    app = LiveApp(REQUEST, Stage(talk(bilingual=False), load=load).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "failed")
        assert "speech3n models pull whisper-base" in panel(app)
        assert "microphone" not in keys(app)
        await pilot.press("r")
        await heard(pilot)
        assert "La segunda" in shown(app)
        await pilot.press("q")


async def test_a_file_that_is_missing_is_the_reason_to_leave_with() -> None:
    def open_file() -> None:
        raise AudioError("talk.wav does not exist.", "Check the name.")

    app = LiveApp(REQUEST, Stage(open=open_file).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "failed")
        assert "talk.wav does not exist." in panel(app)
        await pilot.press("q")
    assert isinstance(app.failure, AudioError)


async def test_wrong_usage_leaves_at_once() -> None:
    def open_file() -> None:
        raise UsageError("Unknown language 'klingon'.")

    app = LiveApp(REQUEST, Stage(open=open_file).backend())
    async with app.run_test() as pilot:
        await until(pilot, lambda: not app.is_running)
    assert isinstance(app.failure, UsageError)


async def test_a_recogniser_that_dies_leaves_what_was_said_on_screen_and_saved() -> None:
    broken = EngineError("The recogniser ran out of memory.", "Use a smaller model.")
    stage = Stage([*talk(bilingual=False), broken])
    app = LiveApp(REQUEST, stage.backend())
    async with app.run_test() as pilot:
        await phase(pilot, "stopped")
        assert "ran out of memory" in panel(app)
        assert "2026-03-01_10-00-00" in panel(app)
        assert "párrafo" in shown(app) or "Hace veinte" in shown(app)
        assert stage.live.journal.closed  # type: ignore[attr-defined]
        await pilot.press("q")
    assert app.failure is broken


async def test_a_full_disk_at_the_end_is_shown() -> None:
    app = LiveApp(REQUEST, Stage(talk(bilingual=False), hold=False, full_disk=True).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "stopped")
        assert "The disk is full." in panel(app)
        await pilot.press("q")
    assert app.failure is not None


async def test_a_bug_is_shown_as_one() -> None:
    app = LiveApp(REQUEST, Stage([ZeroDivisionError("oops")]).backend())
    async with app.run_test() as pilot:
        await phase(pilot, "failed")
        assert "ZeroDivisionError('oops')" in panel(app)
        assert "--debug" in panel(app)
        await pilot.press("q")
    assert isinstance(app.failure, ZeroDivisionError)


@pytest.mark.parametrize("size", [(12, 4), (40, 12), (80, 24), (200, 60)])
async def test_every_size_and_every_dialog(size: tuple[int, int]) -> None:
    app = LiveApp(replace(REQUEST, translate=True), Stage(talk(bilingual=True)).backend())
    async with app.run_test(size=size) as pilot:
        await heard(pilot)
        for key in ("question_mark", "escape", "l", "escape", "s", "escape", "slash", "a", "escape", "b", "d"):
            await pilot.press(key)
        await pilot.resize_terminal(60, 15)
        await pilot.press("pageup", "pagedown", "home", "end", "q")
        await until(pilot, lambda: not app.is_running)


async def test_an_update_costs_the_same_after_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last paragraph is broken into lines and only what is on screen is drawn, however much there is."""
    from tui.folding import Frame

    app = LiveApp(REQUEST, Stage([*numbered(5000), status(50_000.0)]).backend())
    async with app.run_test(size=(100, 30)) as pilot:
        await heard(pilot)
        captions = app.query_one(Captions)
        broken: list[object] = []
        drawn: list[int] = []
        lines, render_line = Frame.lines, captions.render_line
        monkeypatch.setattr(Frame, "lines", lambda frame, p: broken.append(p) or lines(frame, p))
        monkeypatch.setattr(captions, "render_line", lambda y: drawn.append(y) or render_line(y))
        app._script.update(update(5000, "hola", "mundo", start=50_001.0))
        captions.refresh_script()
        await pilot.pause()
        assert len(broken) <= 2
        assert len(drawn) <= 3 * captions.size.height
        assert "hola mundo" in shown(app)
        await pilot.press("q")
