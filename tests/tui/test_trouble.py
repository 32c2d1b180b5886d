"""The terminal UI when something goes wrong: devices, models, files, disks and bugs, and screens of any size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speech3n.errors import AudioError, DeviceError, EngineError, ModelError, UsageError
from speech3n.tui.app import LiveApp
from speech3n.tui.screens.picker import Picker
from speech3n.tui.widgets.banner import Banner
from speech3n.types import Gap, Notice
from tests.tui.driving import MICROPHONE, REQUEST, banner, heard, keys, panel, phase, shown, until
from tests.tui.scripted import ScriptedSource, Stage, talk


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
