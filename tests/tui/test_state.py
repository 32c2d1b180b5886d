"""What the UI says about its session, without a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speech3n.errors import AudioError, DeviceError
from speech3n.tui.state import LiveState, Phase
from speech3n.types import End, Gap, ModelSize, Notice, Segment
from tests.tui.driving import MICROPHONE, REQUEST
from tests.tui.scripted import Stage, status, update


def opened(stage: Stage, **changes: object) -> LiveState:
    """The state of a session that is open."""
    request = replace(REQUEST, **changes)  # type: ignore[arg-type]
    state = LiveState(request)
    backend = stage.backend()
    state.live, state.phase = backend.open_live(request, backend.open_engine()), "listening"
    return state


def test_a_language_that_is_named_has_a_name_as_soon_as_the_model_is_there() -> None:
    state = LiveState(replace(REQUEST, translate=True, to="german"))
    assert (state.task, state.model, state.source, state.duration_s) == ("es → German", "whisper-base", "", None)
    state = opened(Stage(), translate=True, to="german")
    assert (state.task, state.model, state.source) == ("Spanish → German", "whisper-base", "entrevista.m4a")
    assert state.duration_s == 3600.0


def test_a_language_that_is_detected_has_one_when_someone_has_spoken() -> None:
    state = opened(Stage(), language=None)
    assert (state.spoken, state.task) == ("", "any language")
    state.take(Segment(0, 0.0, 1.0, "olá", (), "pt"))
    assert (state.spoken, state.task) == ("Portuguese", "Portuguese (auto)")
    state.take(Segment(1, 1.0, 2.0, "…", (), None))
    assert state.spoken == "Portuguese"


def test_only_what_a_reader_should_know_is_a_notice() -> None:
    state = opened(Stage())
    quiet = [update(0, "hola", "mundo", start=0.0), status(3.0), ModelSize("e2b"), End(3.0, 3.0)]
    assert [state.take(event) for event in quiet] == [None] * 4
    assert state.script.text == "hola mundo"
    assert state.status == status(3.0)
    assert state.model == "whisper-base at e2b"
    lost = Notice("The microphone was lost.")
    assert state.take(lost) is lost
    skipped = state.take(Gap(10.0, 22.0))
    assert skipped is not None
    assert skipped.message.startswith("12 s of sound")


@pytest.mark.parametrize(
    ("phase", "doing", "welcome", "running", "ended"),
    [
        ("loading", "Loading whisper-base…", "Loading whisper-base…", False, False),
        ("listening", "", "Listening", True, False),
        ("paused", "Paused", "Paused", True, False),
        ("finishing", "Finishing…", "", False, False),
        ("finished", "Finished", "No speech was heard.", False, True),
        ("stopped", "Stopped", "", False, True),
        ("failed", "Failed", "", False, True),
    ],
)
def test_phases(phase: Phase, doing: str, welcome: str, running: bool, ended: bool) -> None:
    state = opened(Stage())
    state.phase = phase
    assert state.doing == doing
    assert state.welcome.splitlines()[:1] == ([welcome] if welcome else [])
    assert (state.running is not None, state.has_ended) == (running, ended)
    state.take(update(0, "hola", "", start=0.0))
    assert state.welcome == ""


def test_another_language_reaches_the_session_until_it_has_ended() -> None:
    stage = Stage()
    state = opened(stage)
    state.configure(replace(state.request, language=None, translate=True))
    assert stage.session.configured == [(None, True)]
    assert state.script.tags
    state.phase = "finished"
    state.configure(replace(state.request, translate=False))
    assert len(stage.session.configured) == 1


def test_another_microphone_may_help_where_there_was_none() -> None:
    state = LiveState(MICROPHONE, phase="failed", failure=DeviceError("No microphone was found."))
    assert state.may_need_another_microphone
    again = state.again("USB")
    assert (again.phase, again.failure, again.request.device) == ("loading", None, "USB")
    assert not LiveState(MICROPHONE, phase="failed", failure=AudioError("No.")).may_need_another_microphone
    assert not LiveState(REQUEST, phase="failed", failure=DeviceError("No.")).may_need_another_microphone
