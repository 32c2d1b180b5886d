"""Captions without a screen of their own: text that flows, or JSON lines for other programs."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

import click
from rich.console import Console
from rich.text import Text

from speech3n.errors import Speech3nError
from speech3n.journal.events import event_record
from speech3n.session.live import LiveRequest, LiveSession, open_live
from speech3n.tui.farewell import saved_line
from speech3n.types import Event, Gap, Notice, Segment, Update, is_spaced, join_words, words_text

_ARROW = "  → "


def run_plain(request: LiveRequest, *, jsonl: bool = False, out: TextIO | None = None) -> int:
    """Caption to `out` (stdout) until the source ends or Ctrl-C; the session's folder is named on stderr last."""
    out = out or sys.stdout
    _say(f"Loading {request.model}…", only_to_terminal=True)
    with open_live(request) as live:
        _say(f"Session: {live.folder}")
        show = JsonLines(out) if jsonl else FlowingText(out, is_terminal=out.isatty())
        try:
            with _ended_by_interrupt(live) as interrupted:
                for event in live.events():
                    if interrupted.is_set():
                        interrupted.clear()
                        show.erase()
                        _say("Finishing… (Ctrl-C again to abort)")
                    show(event)
            show.erase()
        except (KeyboardInterrupt, Speech3nError):
            show.erase()
            raise
        finally:
            live.close()
            for warning in live.warnings:
                _say(f"{live.source.name}: {warning}")
            _say(saved_line(live))
    return 0


def _say(text: str, *, only_to_terminal: bool = False) -> None:
    """Tell people something, beside the results."""
    if not only_to_terminal or sys.stderr.isatty():
        click.echo(text, err=True)


@contextmanager
def _ended_by_interrupt(live: LiveSession) -> Iterator[threading.Event]:
    """The first Ctrl-C ends the session as the end of its source would, and sets the event; the second one aborts."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Nothing is written here: the signal may have come in the middle of a line.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupted.set()
        live.stop()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class JsonLines:
    """One JSON object a line, out at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: Event) -> None:
        record = event_record(event)
        if record is not None:
            self._out.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._out.flush()

    def erase(self) -> None:
        """Nothing is ever half written."""


class FlowingText:
    """A segment a line, its translation below; on a terminal the lines grow while people speak."""

    def __init__(self, out: TextIO, *, is_terminal: bool) -> None:
        self._out = out
        self._is_terminal = is_terminal
        self._drawn = 0
        """Lines of the utterance that is going on."""

    def __call__(self, event: Event) -> None:
        match event:
            case Update() if self._is_terminal:
                self._redraw(event)
            case Segment():
                self.erase()
                self._out.write(event.text + "\n")
                if event.translation is not None and event.translation != event.text:
                    self._out.write(f"{_ARROW}{event.translation}\n")
                self._out.flush()
            case Notice():
                self._remark(f"{event.message} {event.hint}".strip())
            case Gap():
                self._remark(f"{event.end - event.start:.0f} s were skipped; they are in the recording.")
            case _:
                pass

    def erase(self) -> None:
        """Take back the utterance that is going on."""
        if self._drawn:
            up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
            self._out.write(f"\r{up}\x1b[J")
            self._out.flush()
            self._drawn = 0

    def _remark(self, text: str) -> None:
        self.erase()
        click.echo(text, err=True)

    def _redraw(self, update: Update) -> None:
        """Show the utterance so far, the words that may still change dimmed; its end, where it is very long."""
        console = Console(file=self._out, force_terminal=True, highlight=False)
        committed = words_text(update.committed, update.language)
        tentative = words_text(update.tentative, update.language)
        texts = [_dimmed(committed, tentative, spaced=is_spaced(update.language))]
        if update.translation_committed or update.translation_tentative:
            target = update.target_language
            translated = [join_words(w, target) for w in (update.translation_committed, update.translation_tentative)]
            texts.append(Text(_ARROW) + _dimmed(*translated, spaced=is_spaced(target)))
        lines = [line for text in texts for line in text.wrap(console, console.width - 1)]
        lines = lines[-max(1, console.height - 1) :]
        self.erase()
        if any(line.plain.strip() for line in lines):
            console.print(Text("\n").join(lines), end="", soft_wrap=True)
            self._out.flush()
            self._drawn = len(lines)


def _dimmed(committed: str, tentative: str, *, spaced: bool) -> Text:
    gap = " " if spaced and committed and tentative else ""
    return Text.assemble(committed, gap, (tentative, "dim"))
