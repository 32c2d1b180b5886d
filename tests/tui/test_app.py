"""The terminal UI, driven by keys as a person would, on real speech with an engine that needs no weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeEngine
from textual.pilot import Pilot
from textual.widgets import Input, Label, OptionList, Static

from speech3n.engines.base import Engine
from speech3n.errors import EngineError, ModelError
from speech3n.types import Notice, Segment, Status, Update, Word
from tui.app import LiveApp
from tui.live import LiveRequest
from tui.messages import Happened
from tui.widgets.captions import Captions
from tui.widgets.dialogs import ErrorScreen, HelpScreen, SaveDialog
from tui.widgets.paragraphs import segment_paragraph
from tui.widgets.picker import Picker
from tui.widgets.status import StatusLine

AppPilot = Pilot[int]


def file_app(path: Path, **request: object) -> LiveApp:
    """Captions of a file as fast as they come."""
    values = {"source": str(path), "language": "es", "pace": "max", **request}
    return LiveApp(LiveRequest(**values), open_engine=lambda _: FakeEngine())  # type: ignore[arg-type]


async def until(pilot: AppPilot, condition: Callable[[], bool]) -> None:
    """Let the app work until `condition` holds."""
    for _ in range(500):
        if condition():
            return
        await pilot.pause(0.02)
    pytest.fail("it never came to that")


async def error(pilot: AppPilot, app: LiveApp) -> str:
    """Wait for the error screen; its message and hint."""
    await until(pilot, lambda: isinstance(app.screen, ErrorScreen) and bool(app.screen.query("#hint")))
    return " ".join(str(app.screen.query_one(part, Static).render()) for part in ("#message", "#hint"))


async def finished(pilot: AppPilot, app: LiveApp) -> None:
    await until(pilot, lambda: app.query_one(StatusLine).phase == "finished")


def segment(number: int, text: str, translation: str | None = None) -> Segment:
    return Segment(number, 10.0 * number, 10.0 * number + 5, text, (), "es", translation)


async def test_a_file_is_captioned_and_saved(examples: dict[str, Path], tmp_path: Path) -> None:
    app = file_app(examples["en"], save=tmp_path / "session", translate=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await finished(pilot, app)
        text = app.query_one(Captions).text
        assert "w0 w1 w2" in text
        assert "t0 t1 t2" in text
        assert "Spanish → English" in app.query_one(StatusLine).about
        assert not app.query_one("#welcome").display
    assert (tmp_path / "session" / "transcript.txt").read_text().startswith("w0 w1")
    assert (tmp_path / "session" / "events.jsonl").exists()


async def test_space_pauses_and_goes_on(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"], pace="realtime")
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._live is not None)
        assert app._live is not None
        await pilot.press("space")
        assert app._live.feed.paused
        assert app.query_one(StatusLine).phase == "paused"
        await pilot.press("space")
        assert not app._live.feed.paused
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_q_ends_the_session_and_says_where_it_is(examples: dict[str, Path], tmp_path: Path) -> None:
    app = file_app(examples["en"], pace="realtime", save=tmp_path / "s")
    async with app.run_test() as pilot:
        await until(pilot, lambda: not app.query_one(Captions).is_empty)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
    assert str(tmp_path / "s") in app.farewell[0]
    assert (tmp_path / "s" / "transcript.txt").read_text().strip()


async def test_language_is_chosen_by_typing(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        await pilot.press("l")
        assert isinstance(app.screen, Picker)
        assert app.screen.query_one(OptionList).option_count == 3
        await pilot.press(*"engl", "enter")
        assert app.query_one(StatusLine).about.startswith("English")
        await pilot.press("l", "escape")
        assert app.query_one(StatusLine).about.startswith("English")


async def test_translation_is_switched(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        await pilot.press("t")
        assert "→ English" in app.query_one(StatusLine).about
        await pilot.press("t")
        assert "→" not in app.query_one(StatusLine).about


async def test_search_goes_from_place_to_place(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test(size=(80, 24)) as pilot:
        await finished(pilot, app)
        captions = app.query_one(Captions)
        for number in range(1, 60):
            captions.append(segment_paragraph(segment(number, "una aguja" if number in (5, 30) else "paja y más paja")))
        await pilot.pause()
        assert captions.following
        await pilot.press("slash", *"aguja", "enter")
        assert not captions.following
        newest = captions.scroll_offset.y
        await pilot.press("n")
        assert captions.scroll_offset.y < newest
        await pilot.press("N")
        assert captions.scroll_offset.y == newest
        await pilot.press("escape", "end")
        assert captions.following
        assert captions.scroll_offset.y == captions.max_scroll_y


async def test_reading_back_is_not_disturbed_by_new_text(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test(size=(80, 24)) as pilot:
        await finished(pilot, app)
        captions = app.query_one(Captions)
        for number in range(1, 40):
            captions.append(segment_paragraph(segment(number, f"párrafo {number}")))
        await pilot.press("pageup", "pageup")
        place = captions.scroll_offset.y
        assert app.query_one("#newer", Label).display
        captions.append(segment_paragraph(segment(40, "lo más nuevo")))
        await pilot.pause()
        assert captions.scroll_offset.y == place
        await pilot.press("end")
        assert not app.query_one("#newer", Label).display


async def test_save_as_writes_where_it_is_told(examples: dict[str, Path], tmp_path: Path) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        await pilot.press("s")
        assert isinstance(app.screen, SaveDialog)
        app.screen.query_one("#stem", Input).value = str(tmp_path / "talk")
        app.screen.query_one("#formats", Input).value = "vtt,txt"
        await pilot.press("enter")
        await pilot.pause()
        assert (tmp_path / "talk.vtt").read_text().startswith("WEBVTT")
        assert (tmp_path / "talk.txt").exists()


async def test_a_wrong_format_is_said_and_nothing_breaks(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        await pilot.press("s")
        app.screen.query_one("#formats", Input).value = "docx"
        await pilot.press("enter")
        await pilot.pause()
        assert any("docx" in str(notification.title) for notification in app._notifications)


async def test_copy_takes_everything(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        await pilot.press("c")
        assert "w0 w1" in app.clipboard


async def test_themes_and_help(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        seen = [app.theme]
        for _ in range(3):
            await pilot.press("d")
            seen.append(app.theme)
        assert len(set(seen)) == 3
        assert seen[0] == seen[3]
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
async def test_every_size_and_resizing(examples: dict[str, Path], size: tuple[int, int]) -> None:
    app = file_app(examples["en"], translate=True)
    async with app.run_test(size=size) as pilot:
        await finished(pilot, app)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        await pilot.resize_terminal(*size)
        await pilot.press("s")
        await pilot.press("escape", "question_mark")
        await pilot.pause()


async def test_a_missing_model_is_an_error_to_retry(examples: dict[str, Path]) -> None:
    attempts: list[str] = []

    def load(model: str) -> Engine:
        attempts.append(model)
        if len(attempts) == 1:
            raise ModelError("whisper-base is not installed.", "speech3n models pull whisper-base")
        return FakeEngine()

    app = LiveApp(LiveRequest(source=str(examples["en"]), language="es", pace="max"), open_engine=load)
    async with app.run_test() as pilot:
        shown = await error(pilot, app)
        assert "not installed" in shown
        assert "models pull" in shown
        await pilot.press("r")
        await finished(pilot, app)
        assert not app.query_one(Captions).is_empty


@pytest.mark.parametrize(
    ("source", "words"), [("mic", "microphone"), ("no-such-file.wav", "no-such-file.wav")], ids=["mic", "file"]
)
async def test_a_source_that_is_not_there(source: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from speech3n.errors import DeviceError

    def no_microphone(self: object) -> None:
        raise DeviceError("No microphone was found.", "Plug one in.")

    monkeypatch.setattr("speech3n.audio.microphone.Microphone.frames", no_microphone)
    app = LiveApp(LiveRequest(source=source), open_engine=lambda _: FakeEngine())
    async with app.run_test() as pilot:
        assert words in await error(pilot, app)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 1


async def test_a_recogniser_that_dies_loses_nothing(examples: dict[str, Path], tmp_path: Path) -> None:
    def fail(audio_s: float) -> None:
        if audio_s > 2:
            raise EngineError("The recogniser ran out of memory.")

    request = LiveRequest(source=str(examples["en"]), language="es", pace="max", save=tmp_path / "s")
    app = LiveApp(request, open_engine=lambda _: FakeEngine(fail))
    async with app.run_test() as pilot:
        assert "out of memory" in await error(pilot, app)
        await until(pilot, lambda: app.query_one(StatusLine).phase == "finished")
    assert "w0" in (tmp_path / "s" / "events.jsonl").read_text()


async def test_a_bug_is_shown_and_is_exit_code_1(examples: dict[str, Path]) -> None:
    def broken(_: str) -> Engine:
        raise ZeroDivisionError

    app = LiveApp(LiveRequest(source=str(examples["en"])), open_engine=broken)
    async with app.run_test() as pilot:
        assert "ZeroDivisionError" in await error(pilot, app)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 1


async def test_a_notice_is_shown(examples: dict[str, Path]) -> None:
    app = file_app(examples["en"])
    async with app.run_test() as pilot:
        await finished(pilot, app)
        app.post_message(Happened(Notice("The microphone was unplugged.", "Plug it in.", "error")))
        await pilot.pause()
        assert any("unplugged" in str(notification.title) for notification in app._notifications)


async def test_an_hour_of_captions_stays_cheap(examples: dict[str, Path]) -> None:
    """Work for an update must not grow with the captions that are there: only the newest paragraph is wrapped."""
    from tui.widgets import paragraphs

    app = file_app(examples["en"])
    async with app.run_test(size=(100, 30)) as pilot:
        await finished(pilot, app)
        captions = app.query_one(Captions)
        for number in range(1, 2000):
            captions.append(segment_paragraph(segment(number, f"frase número {number} de una charla muy larga")))
        await pilot.pause()
        before = paragraphs.wrapped.cache_info().misses
        update = Update((Word("hola", 20000.0, 20000.5, 0.9),), segment=2000)
        app.post_message(Happened(update))
        app.post_message(Happened(Status(1.0, 0.0, 1.0, 0.1, -20.0, True)))
        await pilot.pause()
        assert paragraphs.wrapped.cache_info().misses - before <= 2
        assert captions.text.endswith("hola")
