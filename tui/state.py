"""What the terminal UI knows about its session, and what it says about it; draws nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Literal

from speech3n.errors import DeviceError
from speech3n.languages import language_name, parse_language, parse_target_language
from speech3n.session.live import LiveRequest, LiveSession
from speech3n.tui.failures import Problem
from speech3n.tui.paragraphs import Script
from speech3n.types import Event, Gap, ModelSize, Notice, Segment, Status, Update

Phase = Literal["loading", "listening", "paused", "finishing", "finished", "stopped", "failed"]
"""`stopped` is a session that broke off, `failed` one that never began."""


@dataclass(slots=True)
class LiveState:
    """One session as the UI sees it; the next one, after a failure, gets a state of its own."""

    request: LiveRequest
    phase: Phase = "loading"
    live: LiveSession | None = None
    failure: Exception | None = None
    """What the session failed with."""
    problem: Problem | None = None
    """What is wrong, in words: the failure, or that no other microphone was found."""
    status: Status | None = None
    detected: str | None = None
    """The language of the newest segment."""
    model_size: str = ""
    """At which an elastic model goes on."""
    script: Script = field(init=False)

    def __post_init__(self) -> None:
        self.script = Script(tags=self.request.language is None)

    def again(self, device: str | None = None) -> LiveState:
        """The state to try once more from, with another microphone where one is given."""
        return LiveState(request_again(replace(self.request, device=device or self.request.device)))

    def take(self, event: Event) -> Notice | None:
        """Take note of an event; the notice that it is worth, where it is worth one."""
        match event:
            case Update():
                self.script.update(event)
            case Segment():
                self.script.add(event)
                self.detected = event.language or self.detected
            case Status():
                self.status = event
            case ModelSize():
                self.model_size = event.size
            case Notice():
                return event
            case Gap():
                skipped = f"{event.end - event.start:.0f} s of sound were skipped to catch up."
                return Notice(skipped, "They are in the recording.")
            case _:
                pass
        return None

    def configure(self, request: LiveRequest) -> None:
        """Go on with another language or task."""
        self.request = request
        self.script.tags = request.language is None
        if self.live is not None and not self.has_ended:
            self.live.configure(request.language, translate=request.translate)

    @property
    def running(self) -> LiveSession | None:
        """The session, while it can be paused and changed."""
        return self.live if self.phase in {"listening", "paused"} else None

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to recognise."""
        return self.phase in {"finished", "stopped", "failed"}

    @property
    def may_need_another_microphone(self) -> bool:
        """Whether the session never began, and another microphone may help."""
        return self.phase == "failed" and self.request.source == "mic" and isinstance(self.failure, DeviceError)

    @property
    def doing(self) -> str:
        """What is going on where nobody is listened to."""
        names = {"loading": f"Loading {self.request.model}…", "finishing": "Finishing…", "listening": ""}
        return names.get(self.phase, self.phase.capitalize())

    @property
    def welcome(self) -> str:
        """What is shown while there is nothing to read."""
        if self.script.tail:
            return ""
        texts = {
            "loading": f"Loading {self.request.model}…",
            "listening": "Listening\n\nCaptions appear here as soon as someone speaks.",
            "paused": "Paused",
            "finished": "No speech was heard.",
        }
        return texts.get(self.phase, "")

    @property
    def source(self) -> str:
        """Name of the source, once it is open."""
        return self.live.source.name if self.live is not None else ""

    @property
    def duration_s(self) -> float | None:
        """How long the source lasts, where that is known."""
        return self.live.source.duration_s if self.live is not None else None

    @property
    def spoken(self) -> str:
        """Name of the language that is spoken, empty while it is not known."""
        wanted = self.request.language
        if wanted is None:
            return language_name(self.detected) if self.detected else ""
        code = parse_language(wanted, self.live.engine.info.languages) if self.live is not None else None
        return language_name(code) if code else wanted

    @property
    def target(self) -> str:
        """Name of the language that is translated to."""
        return language_name(parse_target_language(self.request.to))

    @property
    def task(self) -> str:
        """From which language, and to which, such as `Spanish (auto) → English`."""
        is_detected = self.request.language is None and self.spoken
        task = f"{self.spoken} (auto)" if is_detected else self.spoken or "any language"
        return f"{task} → {self.target}" if self.request.translate else task

    @property
    def model(self) -> str:
        """Name of the model and the size at which it runs."""
        name = self.live.engine.info.name if self.live is not None else self.request.model
        return f"{name} at {self.model_size}" if self.model_size else name


def request_again(request: LiveRequest) -> LiveRequest:
    """The same request once more, beside the session that an earlier try left in its folder."""
    if request.save is None or not request.save.exists():
        return request
    folders = (request.save.with_name(f"{request.save.name}-{number}") for number in itertools.count(2))
    return replace(request, save=next(folder for folder in folders if not folder.exists()))
