"""Captions without a screen of their own: text that flows, or JSON lines for other programs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import click
from rich.console import Console
from rich.text import Text

from speech3n.errors import StorageError, printable
from speech3n.journal.events import event_record
from speech3n.runtime.signals import ended_by_signal
from speech3n.session.live import LiveRequest, LiveSession, open_live
from speech3n.tui.farewell import saved_line
from speech3n.types import Event, Gap, Notice, Segment, Update, is_spaced, join_words, words_text


def run_plain(request: LiveRequest, *, jsonl: bool = False, out: TextIO | None = None) -> int:
    """Caption to `out` (stdout) until the source ends or Ctrl-C; the session's folder is named on stderr last."""
    out = out or sys.stdout
    _say(f"Loading {request.model}…", only_to_terminal=True)
    with open_live(request) as live:
        _say(f"Session: {live.folder}")
        output = _Output(JsonLines(out) if jsonl else FlowingText(out, is_terminal=out.isatty()), live)
        interrupted = threading.Event()

        def end() -> None:
            # Nothing is written here: the signal may have come in the middle of a line.
            interrupted.set()
            live.stop()

        try:
            with ended_by_signal(end):
                for event in live.events():
                    if interrupted.is_set():
                        interrupted.clear()
                        output.erase()
                        _say("Finishing… (Ctrl-C again to abort)")
                    output(event)
        finally:
            output.erase()
            live.close()
            for warning in live.warnings:
                _say(f"{live.source.name}: {warning}")
            _say(saved_line(live))
    if output.failure is not None:
        raise output.failure
    return 0


def _say(text: str, *, only_to_terminal: bool = False) -> None:
    """Tell people something, beside the results."""
    if not only_to_terminal or sys.stderr.isatty():
        with suppress(OSError):  # A terminal that is gone ends nothing.
            click.echo(printable(text), err=True)


class _Output:
    """Shows events for as long as somebody reads them: output that fails ends no capture."""

    def __init__(self, show: JsonLines | FlowingText, live: LiveSession) -> None:
        self._show = show
        self._live = live
        self.failure: OSError | StorageError | None = None

    def __call__(self, event: Event) -> None:
        self._write(lambda: self._show(event))

    def erase(self) -> None:
        """Take away what is half written."""
        self._write(self._show.erase)

    def _write(self, write: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            write()
        except (OSError, StorageError) as error:
            self.failure = error
            if isinstance(error, BrokenPipeError):
                # Whoever read has gone: what was said until then is still finished and kept.
                self._live.stop()


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
        self._arrow = "  → " if _has(out, "→") else "  -> "
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
                    self._out.write(f"{self._arrow}{event.translation}\n")
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
        _say(text)

    def _redraw(self, update: Update) -> None:
        """Show the utterance so far, the words that may still change dimmed; its end, where it is very long."""
        console = Console(file=self._out, force_terminal=True, highlight=False)
        committed = words_text(update.committed, update.language)
        tentative = words_text(update.tentative, update.language)
        texts = [_dimmed(committed, tentative, spaced=is_spaced(update.language))]
        if update.translation_committed or update.translation_tentative:
            target = update.target_language
            translated = [join_words(w, target) for w in (update.translation_committed, update.translation_tentative)]
            texts.append(Text(self._arrow) + _dimmed(*translated, spaced=is_spaced(target)))
        lines = [line for text in texts for line in text.wrap(console, console.width - 1)]
        lines = lines[-max(1, console.height - 1) :]
        self.erase()
        if any(line.plain.strip() for line in lines):
            console.print(Text("\n").join(lines), end="", soft_wrap=True)
            self._out.flush()
            self._drawn = len(lines)


def _has(out: TextIO, character: str) -> bool:
    """Whether the encoding of a stream has a character."""
    try:
        character.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _dimmed(committed: str, tentative: str, *, spaced: bool) -> Text:
    gap = " " if spaced and committed and tentative else ""
    return Text.assemble(committed, gap, (tentative, "dim"))
