"""The work behind the UI, for a thread of its own: load, listen, recognise, save, and tell."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing

from textual.message import Message

from speech3n.engines.base import Engine
from speech3n.errors import Speech3nError
from tui.live import LiveRequest, LiveSession, open_live
from tui.messages import Happened, Opened, Outcome, Problem

_LOG = logging.getLogger(__name__)


def caption(
    request: LiveRequest,
    open_engine: Callable[[str], Engine],
    post: Callable[[Message], object],
    is_cancelled: Callable[[], bool],
) -> Outcome:
    """Caption until the source ends, is stopped or fails, or `is_cancelled`; everything else is in the messages."""
    live: LiveSession | None = None
    failure: Problem | None = None
    try:
        with closing(open_engine(request.model)) as engine:
            if not is_cancelled():
                live = open_live(request, engine, default_pace="realtime")
                post(Opened(live))
                for event in live.events():
                    post(Happened(event))
                    if is_cancelled():
                        break
    except Exception as error:
        failure = problem(error)
    return _close(live, failure, is_complete=not is_cancelled())


def _close(live: LiveSession | None, failure: Problem | None, *, is_complete: bool) -> Outcome:
    if live is None:
        return Outcome(failure=failure)
    try:
        paths = live.close(clean=failure is None and is_complete)
    except Exception as error:
        return Outcome(live, failure=failure, unsaved=problem(error))
    return Outcome(live, paths, failure)


def problem(error: Exception) -> Problem:
    """An error as people see it; one that nobody expected is logged with its traceback."""
    if isinstance(error, Speech3nError):
        return Problem(error.message, error.hint, error.exit_code)
    _LOG.error("captions stopped", exc_info=error)
    return Problem(f"Internal error: {error!r}.", "Please report it; what was recognised so far is kept.")
